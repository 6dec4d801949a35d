import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { type SubscribeOptions, type Subscription, subscribe } from '../src/index.js'
import { type Call, FakeFetch, settle } from './fake-fetch.js'

const THREE = 'id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n'

let net: FakeFetch
let subscription: Subscription
/** What a cursor has kept. */
let kept: string

beforeEach(() => {
  net = new FakeFetch()
  kept = ''
})
afterEach(() => subscription.close())

async function open(options: Partial<SubscribeOptions> = {}): Promise<Call> {
  const cursor = {
    load: () => kept,
    save(id: string) {
      kept = id
    },
  }
  const all = { url: 'http://127.0.0.1:1/', fetch: net.fetch, cursor, ...options }
  subscription = subscribe(all as SubscribeOptions)
  return (await net.call(0)).open()
}

test('who closes in a handler resumes with what was not given', async () => {
  const call = await open({
    onEvent: ({ id }) => {
      if (id === '2') subscription.close()
    },
  })
  call.send(THREE)
  await settle()
  expect(subscription.lastEventId).toBe('2')
  expect(['', '2']).toContain(kept)
})

test('who leaves before all that was queued is read resumes with the rest', async () => {
  const controller = new AbortController()
  const call = await open({ signal: controller.signal })
  call.send(THREE)
  await settle()
  const reader = subscription[Symbol.asyncIterator]()
  await reader.next()
  controller.abort()
  expect((await reader.next()).done).toBe(true)
  expect(kept).toBe('1')
})

test('a reader who comes late does not clear it', async () => {
  kept = '0'
  const call = await open()
  call.send(THREE)
  await settle()
  await subscription[Symbol.asyncIterator]().next()
  expect(kept).toBe('0')
})

test('one that cannot be loaded is reported, and the stream begins as without it', async () => {
  const reported: unknown[] = []
  vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
  const oops = new Error('oops')
  const load = () => {
    throw oops
  }
  const call = await open({ cursor: { load, save() {} }, lastEventId: '1' })
  vi.unstubAllGlobals()
  expect(call.header('last-event-id')).toBe('1')
  expect(reported).toEqual([oops])
})

test('it is saved when the stream ends', async () => {
  const data = JSON.stringify({ id: 'e-7', topic: 't', event: 'message', data: '', final: true })
  const topics = { url: undefined, hub: 'http://127.0.0.1:1', topics: ['t'] }
  const options = { onEvent: () => {} }
  const { url: _, ...of } = topics
  const call = await open({ ...of, ...options } as Partial<SubscribeOptions>)
  call.send(`id: e-7\ndata: ${data}\n\n`)
  await settle()
  expect(subscription.state).toEqual({ state: 'closed', reason: 'ended' })
  expect(kept).toBe('e-7')
})
