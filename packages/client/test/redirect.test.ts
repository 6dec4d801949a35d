import { expect, test } from 'vitest'

import { subscribe } from '../src/index.js'
import { FakeFetch, settle } from './fake-fetch.js'

test('a redirect whose body broke off is followed, and no rejection is left unhandled', async () => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', note)
  const net = new FakeFetch()
  const subscription = subscribe({ url: 'http://127.0.0.1:1/', fetch: net.fetch })
  const body = new ReadableStream({ start: (stream) => stream.error(new Error('broke off')) })
  const headers = { location: '/events' }
  ;(await net.call(0)).respond(new Response(body, { status: 302, headers }))
  expect((await net.call(1)).url).toBe('http://127.0.0.1:1/events')
  await settle()
  process.off('unhandledRejection', note)
  subscription.close()
  expect(unhandled).toEqual([])
})
