import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { Item, State, Subscription } from '../src/index.js'
import { type Share, type ShareOptions, share } from '../src/shared/index.js'
import { matches } from '../src/shared/selector.js'
import { type Call, FakeFetch, settle } from './fake-fetch.js'
import { FakeLocks } from './fake-locks.js'

let net: FakeFetch
let tabs: Share[]
let number = 0

beforeEach(() => {
  net = new FakeFetch()
  tabs = []
  number += 1
  vi.stubGlobal('fetch', net.fetch)
  vi.stubGlobal('navigator', { locks: new FakeLocks() })
})
afterEach(async () => {
  for (const tab of tabs) tab.close()
  await settle()
  vi.unstubAllGlobals()
})

/** A tab of the same page. */
function tab(options: ShareOptions = {}): Share {
  const opened = share({
    hub: 'http://127.0.0.1:1',
    identity: `test ${number}`,
    leader: 'tab',
    backoff: { base: 1, cap: 1 },
    ...options,
  })
  tabs.push(opened)
  return opened
}

/** What a tab follows, with all that it was told. */
function follow(of: Share, topics: string[], lastEventId = '') {
  const seen: string[] = []
  const states: string[] = []
  const subscription = of.subscribe({
    topics,
    lastEventId,
    onEvent: (event) => seen.push(event.data),
    onControl: (control) => seen.push(`(${control.type})`),
    onState: (state: State) => states.push(state.state),
  })
  return { subscription, seen, states, ended: until(() => subscription.state.state === 'closed') }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const streams = () => net.calls.filter(({ url }) => url.endsWith('/stream'))
const changes = () => net.calls.filter(({ init }) => init.method === 'PATCH')

async function nth(calls: () => Call[], index: number): Promise<Call> {
  await until(() => calls().length > index)
  return calls()[index] as Call
}

function hello(call: Call, position: string): Call {
  const topics = new URLSearchParams(`${call.init.body}`).getAll('topic')
  const data = JSON.stringify({ connection_id: 'c1', topics })
  return call.open().send(`id: ${position}\n\nevent: tidings.connected\ndata: ${data}\n\n`)
}

function event(n: number, topic: string, final = false): string {
  const data = JSON.stringify({
    id: `e-${n}`,
    topic,
    event: 'message',
    data: `${n}`,
    time: '',
    final,
  })
  return `id: e-${n}\ndata: ${data}\n\n`
}

function gap(requested: string, oldest: string | null): string {
  const data = JSON.stringify({ reason: 'evicted', requested, oldest })
  return `event: tidings.gap\ndata: ${data}\n\n`
}

/** The data of the events among what was seen. */
function told(seen: string[]): string[] {
  return seen.filter((data) => !data.startsWith('('))
}

function topicsOf(call: Call | undefined): string[] {
  return new URLSearchParams(`${call?.init.body}`).getAll('topic')
}

test('tabs share one stream, and each is given what it follows', async () => {
  const one = follow(tab(), ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['b/*'])
  const change = await nth(changes, 0)
  expect(change.url).toBe('http://127.0.0.1:1/api/connections/c1')
  expect(JSON.parse(`${change.init.body}`)).toEqual({ subscribe: ['b/*'], unsubscribe: [] })
  change.answer(200, '{"position":"e-0"}')
  stream.send(event(1, 'a')).send(event(2, 'b/x')).send(event(3, 'b/x/y')).send(event(4, 'a'))
  await until(() => one.seen.includes('4') && two.seen.includes('2'))
  expect(one.seen.filter((data) => !data.startsWith('('))).toEqual(['1', '4'])
  expect(two.seen).toEqual(['2'])
  expect(two.states).toContain('open')
  expect(streams().length).toBe(1)
})

test('topics that nobody follows any more are left', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  const two = follow(page, ['b'])
  hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  expect(topicsOf(streams()[0])).toEqual(['a', 'b'])
  two.subscription.close()
  const change = await nth(changes, 0)
  expect(JSON.parse(`${change.init.body}`)).toEqual({ subscribe: [], unsubscribe: ['b'] })
  change.answer(200, '{"position":"e-0"}')
  one.subscription.close()
  await until(() => streams()[0]?.aborted === true)
})

test('a change that is refused leads to a new stream with all that is wanted', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  hello(await nth(streams, 0), 'e-3')
  await until(() => one.states.includes('open'))
  follow(page, ['b'])
  ;(await nth(changes, 0)).answer(404)
  const again = await nth(streams, 1)
  expect(topicsOf(again)).toEqual(['a', 'b'])
  expect(again.header('last-event-id')).toBe('e-3')
})

test('when the leading tab closes another goes on from where each has got to, once', async () => {
  const leading = tab()
  const one = follow(leading, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['a'])
  stream.send(event(1, 'a')).send(event(2, 'a'))
  await until(() => two.seen.length === 2)
  leading.close()
  const next = await nth(streams, 1)
  expect(stream.aborted).toBe(true)
  expect(next.header('last-event-id')).toBe('e-2')
  hello(next, 'e-2').send(event(2, 'a')).send(event(3, 'a'))
  await until(() => two.seen.includes('3'))
  expect(two.seen.filter((data) => !data.startsWith('('))).toEqual(['1', '2', '3'])
})

test('who resumes from before the stream gets what it has missed, and the others nothing twice', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  const stream = hello(await nth(streams, 0), 'e-5')
  await until(() => one.states.includes('open'))
  stream.send(event(6, 'a'))
  await until(() => one.seen.includes('6'))
  const late = follow(tab(), ['a', 'b'], 'e-3')
  const again = await nth(streams, 1)
  expect(again.header('last-event-id')).toBe('e-3')
  hello(again, 'e-3').send(event(4, 'b')).send(event(6, 'a')).send(event(7, 'a'))
  await until(() => late.seen.includes('7') && one.seen.includes('7'))
  expect(late.seen.filter((data) => !data.startsWith('('))).toEqual(['4', '6', '7'])
  expect(one.seen.filter((data) => !data.startsWith('('))).toEqual(['6', '7'])
})

test('a subscription ends with the last of its topics, others go on', async () => {
  const page = tab()
  const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  stream.send(event(1, 'a', true))
  await one.ended
  expect(one.subscription.state).toEqual({ state: 'closed', reason: 'ended' })
  ;(await nth(changes, 0)).answer(200, '{"position":"e-1"}')
  stream.send(event(2, 'b'))
  await until(() => two.seen.includes('2'))
})

test('an error that ends the stream ends all, and what comes later tries anew', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  ;(await nth(streams, 0)).answer(404)
  await one.ended
  expect(one.subscription.state).toMatchObject({ reason: 'failed', error: { status: 404 } })
  follow(page, ['a'])
  await nth(streams, 1)
})

test('headers are asked of a tab', async () => {
  const asked: unknown[] = []
  const headers = ({ error }: { error?: { status?: number | undefined } | undefined }) => {
    asked.push(error?.status)
    return { authorization: `Bearer ${asked.length}` }
  }
  follow(tab({ headers }), ['a'])
  const first = await nth(streams, 0)
  expect(first.header('authorization')).toBe('Bearer 1')
  first.answer(401)
  expect((await nth(streams, 1)).header('authorization')).toBe('Bearer 2')
  expect(asked).toEqual([undefined, 401])
})

test('a subscription is iterated over as any other', async () => {
  const subscription: Subscription = tab().subscribe({ topics: ['a'] })
  hello(await nth(streams, 0), 'e-0').send(event(1, 'a', true))
  const items: Item[] = []
  for await (const item of subscription) items.push(item)
  expect(items.map(({ type }) => type)).toEqual(['connected', 'event'])
})

test('who resumes from within the stream gets what it has missed', async () => {
  const one = follow(tab(), ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  for (let n = 1; n <= 5; n += 1) stream.send(event(n, 'a'))
  await until(() => one.seen.includes('5'))
  const two = follow(tab(), ['a'], 'e-2')
  const again = await nth(streams, 1)
  expect(again.header('last-event-id')).toBe('e-2')
  hello(again, 'e-2')
  for (let n = 3; n <= 6; n += 1) again.send(event(n, 'a'))
  await until(() => one.seen.includes('6') && two.seen.includes('6'))
  expect(told(one.seen)).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(told(two.seen)).toEqual(['3', '4', '5', '6'])
})

test('a tab that is new when the leader changes costs the others nothing', async () => {
  const leading = tab()
  const one = follow(leading, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const fresh = tab()
  const two = follow(tab(), ['a'])
  stream.send(event(1, 'a')).send(event(2, 'a'))
  await until(() => two.seen.length >= 2)
  // The fresh tab leads, and is the first to say what it wants.
  leading.close()
  follow(fresh, ['a'])
  await until(() => streams().at(-1)?.header('last-event-id') === 'e-2')
  hello(streams().at(-1) as Call, 'e-2')
    .send(event(3, 'a'))
    .send(event(4, 'a'))
  await until(() => two.seen.includes('4'))
  expect(told(two.seen)).toEqual(['1', '2', '3', '4'])
})

test('after a gap a change of what is wanted does not go back', async () => {
  const page = tab()
  const one = follow(page, ['a'], 'e-2')
  const stream = hello(await nth(streams, 0), 'e-2')
  await until(() => one.states.includes('open'))
  stream.send(event(3, 'a'))
  stream.send(`id: e-50\n${gap('e-3', 'e-51')}`)
  stream.send(event(51, 'a'))
  await until(() => one.seen.includes('51'))
  follow(tab(), ['b'])
  await until(() => changes().length + streams().length > 1)
  expect(streams().length).toBe(1)
  changes()[0]?.answer(200, '{"position":"e-51"}')
})

test('a gap of one tab is none of those who have seen what is missing', async () => {
  const one = follow(tab(), ['a'])
  const stream = hello(await nth(streams, 0), 'e-50')
  await until(() => one.states.includes('open'))
  stream.send(event(51, 'a')).send(event(52, 'a'))
  await until(() => one.seen.includes('52'))
  const two = follow(tab(), ['a'], 'e-2')
  const again = await nth(streams, 1)
  hello(again, 'e-50').send(gap('e-2', 'e-51'))
  for (let n = 51; n <= 53; n += 1) again.send(event(n, 'a'))
  await until(() => one.seen.includes('53') && two.seen.includes('53'))
  expect(told(one.seen)).toEqual(['51', '52', '53'])
  expect(one.seen).not.toContain('(gap)')
  expect(two.seen).toContain('(gap)')
  expect(told(two.seen)).toEqual(['51', '52', '53'])
})

test('a change that is never answered holds up no other', async () => {
  const late = new AbortController()
  vi.spyOn(AbortSignal, 'timeout').mockReturnValue(late.signal)
  const page = tab()
  const one = follow(page, ['a'])
  hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  follow(page, ['b'])
  await nth(changes, 0)
  follow(page, ['c'])
  await settle()
  late.abort()
  expect(topicsOf(await nth(streams, 1))).toEqual(['a', 'b', 'c'])
})

test('who subscribes once the tab is closed is told the end', async () => {
  const page = tab()
  page.close()
  const { subscription, states } = follow(page, ['a'])
  await settle()
  expect(subscription.state).toEqual({ state: 'closed', reason: 'closed' })
  expect(states).toEqual(['closed'])
})

test('another page connects with its own headers', async () => {
  const one = follow(tab({ headers: { authorization: 'old' } }), ['a'])
  ;(await nth(streams, 0)).answer(401)
  await one.ended
  follow(tab({ headers: { authorization: 'new' } }), ['a'])
  expect((await nth(streams, 1)).header('authorization')).toBe('new')
})

describe('a pattern', () => {
  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['a/*', 'a', false],
    ['a/*/c', 'a/b/c', true],
    ['a/**', 'a', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b', false],
    ['**', 'a/b', true],
    ['*', 'a', true],
    ['**', 'tidings/x', false],
    ['*/x', 'tidings/x', false],
    ['tidings/**', 'tidings/x', true],
  ])('%s and the topic %s: %s', (selector, topic, expected) => {
    expect(matches(selector, topic)).toBe(expected)
  })
})
