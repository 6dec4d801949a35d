import { expect, test } from 'vitest'

import { createHub, type Why } from '../src/index.js'
import { FakeFetch } from './fake-fetch.js'

test('a call settles in its time though the provider of headers does not', async () => {
  const { fetch } = new FakeFetch()
  const headers = () => new Promise<HeadersInit>(() => {})
  const hub = createHub({ hub: 'http://127.0.0.1:1', fetch, headers, timeout: 1, attempts: 1 })
  await expect(hub.publish('t', { data: 1 })).rejects.toMatchObject({ type: 'idle' })
})

test('headers that are refused are asked for once more', async () => {
  const net = new FakeFetch()
  const told: unknown[] = []
  const headers = ({ error }: Why) => {
    told.push(error?.status)
    return {}
  }
  const hub = createHub({ hub: 'http://127.0.0.1:1', fetch: net.fetch, headers })
  const receipt = hub.publish('t', { data: 'a' })
  ;(await net.call(0)).answer(401)
  ;(await net.call(1)).answer(200, '{"id":"e-1"}')
  expect(await receipt).toEqual({ id: 'e-1' })
  const refused = hub.publish('t', { data: 'a' }).catch((error) => error.status)
  ;(await net.call(2)).answer(401)
  ;(await net.call(3)).answer(403)
  expect(await refused).toBe(403)
  expect(told).toEqual([undefined, 401, undefined, 401])
})
