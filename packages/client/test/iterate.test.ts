import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { type Item, type SubscribeOptions, type Subscription, subscribe } from '../src/index.js'
import { FakeFetch, settle } from './fake-fetch.js'

let net: FakeFetch
let subscription: Subscription

beforeEach(() => {
  net = new FakeFetch()
})
afterEach(() => {
  subscription.close()
  vi.useRealTimers()
})

async function open(options: Partial<SubscribeOptions> = {}) {
  const all = { url: 'http://127.0.0.1:1/', fetch: net.fetch, ...options }
  subscription = subscribe(all as SubscribeOptions)
  return (await net.call(0)).open()
}

function events(from: number, to: number): string {
  let text = ''
  for (let n = from; n <= to; n += 1) text += `id: ${n}\ndata: ${n}\n\n`
  return text
}

function dataOf(item: Item | undefined): string {
  return item?.type === 'event' ? item.data : `${item?.type}`
}

async function take(count: number): Promise<string[]> {
  const taken: string[] = []
  const iterator = subscription[Symbol.asyncIterator]()
  while (taken.length < count) taken.push(dataOf((await iterator.next()).value ?? undefined))
  return taken
}

test('events and what the hub says come in their order', async () => {
  const call = await open()
  call.send('data: a\n\nevent: tidings.gap\ndata: {"reason":"lagged"}\n\ndata: b\n\n')
  expect(await take(3)).toEqual(['a', 'gap', 'b'])
})

test('events that came before anybody asked are there', async () => {
  const call = await open()
  call.send(events(1, 3))
  await settle()
  expect(await take(3)).toEqual(['1', '2', '3'])
})

test('several readers share what comes', async () => {
  const call = await open()
  const taken = Promise.all([take(1), take(1)])
  call.send(events(1, 2))
  expect((await taken).flat().sort()).toEqual(['1', '2'])
})

test('iteration ends with the stream, after all that came before', async () => {
  const call = await open()
  call.send(events(1, 2)).end()
  await settle()
  subscription.restart()
  ;(await net.call(1)).answer(204)
  const taken: string[] = []
  for await (const item of subscription) taken.push(dataOf(item))
  expect(taken).toEqual(['1', '2'])
})

test('the error that ends a subscription is thrown after all that came before', async () => {
  const call = await open()
  call.send(events(1, 2)).end()
  await settle()
  subscription.restart()
  ;(await net.call(1)).answer(404)
  expect(await take(2)).toEqual(['1', '2'])
  await expect(take(1)).rejects.toMatchObject({ name: 'TidingsError', type: 'status', status: 404 })
})

test('an end after an error that passed is an end', async () => {
  const call = await open({ backoff: { base: 1, cap: 1 } })
  call.end()
  ;(await net.call(1)).answer(204)
  expect(await subscription[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
})

test('leaving the loop closes the subscription', async () => {
  const call = await open()
  call.send(events(1, 2))
  for await (const _ of subscription) break
  expect(subscription.state).toEqual({ state: 'closed', reason: 'closed' })
  expect(call.aborted).toBe(true)
})

test('closing ends a loop that waits, and what was queued is gone', async () => {
  await open()
  const waiting = subscription[Symbol.asyncIterator]().next()
  subscription.close()
  expect(await waiting).toEqual({ done: true, value: undefined })
})

test('what was queued is gone once the subscription is closed', async () => {
  const call = await open()
  call.send(events(1, 2))
  await settle()
  subscription.close()
  expect(await subscription[Symbol.asyncIterator]().next()).toMatchObject({ done: true })
})

test('a full queue stops the reading until there is room', async () => {
  const call = await open({ queue: { limit: 2 } })
  call.send(events(1, 2)).send(events(3, 4)).send(events(5, 5))
  await settle()
  expect(subscription.lastEventId).toBe('2')
  expect(await take(1)).toEqual(['1'])
  await settle()
  expect(subscription.lastEventId).toBe('4')
  expect(await take(4)).toEqual(['2', '3', '4', '5'])
  expect(subscription.dropped).toBe(0)
})

test('a reader that is slow is not taken for a server that is silent', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const call = await open({ queue: { limit: 1 } })
  call.send(events(1, 1))
  await settle()
  await vi.advanceTimersByTimeAsync(1_000_000)
  expect(net.calls.length).toBe(1)
  expect(await take(1)).toEqual(['1'])
})

test('drop-oldest keeps the newest, counts the others and goes on reading', async () => {
  const call = await open({ queue: { limit: 2, whenFull: 'drop-oldest' } })
  call.send(events(1, 3)).send(events(4, 5))
  await settle()
  expect(subscription.lastEventId).toBe('5')
  expect(subscription.dropped).toBe(3)
  expect(await take(2)).toEqual(['4', '5'])
})

test('the cursor is saved when the reader comes back for more', async () => {
  const saved: string[] = []
  const cursor = { load: () => null, save: (id: string) => saved.push(id) }
  const call = await open({ cursor })
  call.send(events(1, 3))
  await settle()
  const iterator = subscription[Symbol.asyncIterator]()
  await iterator.next()
  expect(saved).not.toContain('1')
  await iterator.next()
  expect(saved.at(-1)).toBe('1')
  await iterator.next()
  expect(saved.at(-1)).toBe('2')
  iterator.next()
  expect(saved.at(-1)).toBe('3')
})

test('silence is noticed also after the reader was slow for long', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const call = await open({ queue: { limit: 1 } })
  call.send(events(1, 1))
  await settle()
  await vi.advanceTimersByTimeAsync(100_000)
  await take(1)
  await settle()
  expect(subscription.state.state).toBe('open')
  await vi.advanceTimersByTimeAsync(100_000)
  await net.call(1)
})

test('a restart does not wait for room', async () => {
  const call = await open({ queue: { limit: 1 } })
  call.send(events(1, 2))
  await settle()
  subscription.restart()
  expect((await net.call(1)).header('last-event-id')).toBe('2')
  expect(await take(2)).toEqual(['1', '2'])
})
