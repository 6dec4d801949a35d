import { expect, test } from 'vitest'

import { createHub } from '../src/index.js'
import { FakeFetch } from './fake-fetch.js'

test('a call settles in its time though the provider of headers does not', async () => {
  const { fetch } = new FakeFetch()
  const headers = () => new Promise<HeadersInit>(() => {})
  const hub = createHub({ hub: 'http://127.0.0.1:1', fetch, headers, timeout: 1, attempts: 1 })
  await expect(hub.publish('t', { data: 1 })).rejects.toMatchObject({ type: 'idle' })
})
