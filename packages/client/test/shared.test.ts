import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { Item, State, Subscription } from '../src/index.js'
import { type Share, type ShareOptions, share } from '../src/shared/index.js'
import { lead } from '../src/shared/leader.js'
import { type Part, take } from '../src/shared/part.js'
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
  vi.useRealTimers()
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

function hello(call: Call, position: string, id = 'c1'): Call {
  const topics = new URLSearchParams(`${call.init.body}`).getAll('topic')
  const data = JSON.stringify({ connection_id: id, topics })
  return call.open().send(`id: ${position}\n\nevent: tidings.connected\ndata: ${data}\n\n`)
}

function event(n: number, topic: string, final = false, epoch = 'e'): string {
  const data = JSON.stringify({
    id: `${epoch}-${n}`,
    topic,
    event: 'message',
    data: `${n}`,
    time: '',
    final,
  })
  return `id: ${epoch}-${n}\ndata: ${data}\n\n`
}

function gap(requested: string, oldest: string | null, reason = 'evicted'): string {
  const data = JSON.stringify({ reason, requested, oldest })
  return `event: tidings.gap\ndata: ${data}\n\n`
}

/** The end of what is replayed. */
const RESUMED = 'event: tidings.resumed\ndata: {"from":"e-0","count":1}\n\n'

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
  await until(() => two.states.includes('open'))
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

test('who closes at the final event is told no end', async () => {
  const states: string[] = []
  const page = tab()
  const subscription = page.subscribe({
    topics: ['a'],
    onEvent: () => subscription.close(),
    onState: ({ state }) => states.push(state),
  })
  const other = follow(page, ['a'])
  hello(await nth(streams, 0), 'e-0').send(event(1, 'a', true))
  await other.ended
  expect(states).not.toContain('closed')
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

describe('headers that a tab does not have', () => {
  const none = () => {
    throw new Error('signed out')
  }

  test('are those of another tab, however late it answers', async () => {
    let answer = (_: HeadersInit) => {}
    const headers = () => {
      return new Promise<HeadersInit>((resolve) => {
        answer = resolve
      })
    }
    follow(tab({ headers }), ['a'])
    const { states } = follow(tab({ headers: none }), ['a'])
    await until(() => states.length > 0)
    await settle()
    answer({ authorization: 'Bearer 2' })
    expect((await nth(streams, 0)).header('authorization')).toBe('Bearer 2')
    expect(states).toEqual(['connecting'])
  })

  test('are waited for no longer than until no tab has any', async () => {
    const one = follow(tab({ headers: none }), ['a'])
    const two = follow(tab({ headers: none }), ['a'])
    await until(() => 'error' in one.subscription.state)
    expect(one.subscription.state).toMatchObject({ error: { type: 'credentials' } })
    await until(() => two.states.includes('waiting'))
    expect(net.calls).toEqual([])
  })
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
  await until(() => two.states.includes('open'))
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
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const page = tab()
  const one = follow(page, ['a'])
  hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  follow(page, ['b'])
  await nth(changes, 0)
  follow(page, ['c'])
  await settle()
  await vi.advanceTimersByTimeAsync(10_000)
  expect(topicsOf(await nth(streams, 1))).toEqual(['a', 'b', 'c'])
})

test('a change that is answered without a position holds up no other', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const two = follow(page, ['b'])
  ;(await nth(changes, 0)).answer(200, 'null')
  follow(page, ['c'])
  const change = await nth(changes, 1)
  expect(JSON.parse(`${change.init.body}`)).toEqual({ subscribe: ['c'], unsubscribe: [] })
  stream.send(event(1, 'b'))
  await until(() => two.seen.includes('1'))
  expect(two.subscription.lastEventId).toBe('e-1')
})

test('a change that is answered once its stream is lost changes nothing of the next', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0', 'c1')
  await until(() => one.states.includes('open'))
  const two = follow(page, ['b'])
  const late = await nth(changes, 0)
  two.subscription.close()
  await settle()
  stream.end()
  const again = await nth(streams, 1)
  expect(topicsOf(again)).toEqual(['a'])
  hello(again, 'e-0', 'c2')
  await until(() => one.seen.filter((data) => data === '(connected)').length === 2)
  late.answer(200, '{"position":"e-0"}')
  await settle()
  follow(page, ['b'])
  await until(() => changes().length > 1)
  const { url, init } = changes()[1] as Call
  expect(url).toBe('http://127.0.0.1:1/api/connections/c2')
  expect(JSON.parse(`${init.body}`)).toEqual({ subscribe: ['b'], unsubscribe: [] })
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

const PROBLEM = '{"detail":"topic: a wildcard must be a whole segment","field":"topic"}'

function refuse(call: Call): void {
  const type = 'application/problem+json'
  call.answer(400, PROBLEM, { 'content-type': type, 'content-length': `${PROBLEM.length}` })
}

describe('a topic that is refused', () => {
  const probes = () => net.calls.filter(({ url }) => url.includes('limit=1'))

  test('while the stream is open fails the subscription that wants it, and no other', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    const page = tab()
    const [bad, good] = [follow(page, ['b', 'x*y']), follow(page, ['c'])]
    for (let index = 0; index < 4 && bad.subscription.state.state !== 'closed'; index += 1) {
      const change = await nth(changes, index)
      if (`${change.init.body}`.includes('x*y')) refuse(change)
      else change.answer(200, '{"position":"e-0"}')
      await settle()
    }
    await bad.ended
    expect(bad.subscription.state).toMatchObject({
      reason: 'failed',
      error: { status: 400, problem: { field: 'topic' } },
    })
    await until(() => changes().some(({ init }) => `${init.body}`.includes('"c"')))
    for (const change of changes()) change.answer(200, '{"position":"e-0"}')
    stream.send(event(1, 'a')).send(event(2, 'c'))
    await until(() => one.seen.includes('1') && good.seen.includes('2'))
    expect(streams().length).toBe(1)
    expect(one.states).not.toContain('closed')
  })

  test('by itself is blamed at once', async () => {
    const one = follow(tab(), ['a'])
    hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    const bad = follow(tab(), ['x*y'])
    refuse(await nth(changes, 0))
    await bad.ended
    expect(bad.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    await settle()
    expect([changes().length, streams().length, one.states.at(-1)]).toEqual([1, 1, 'open'])
  })

  test('when the stream is to be opened is found out, and it is opened without', async () => {
    const page = tab()
    const [one, bad, two] = [follow(page, ['a']), follow(page, ['x*y']), follow(page, ['b'], 'e-3')]
    refuse(await nth(streams, 0))
    for (const index of [0, 1, 2]) {
      const probe = await nth(probes, index)
      if (probe.url.includes('x*y')) refuse(probe)
      else probe.answer(200, '{"events":[]}')
    }
    await bad.ended
    expect(bad.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    const again = await nth(streams, 1)
    expect(topicsOf(again)).toEqual(['a', 'b'])
    expect(again.header('last-event-id')).toBe('e-3')
    hello(again, 'e-3').send(event(4, 'b')).send(RESUMED).send(event(5, 'a'))
    await until(() => one.seen.includes('5') && two.seen.includes('4'))
    expect([...one.states, ...two.states]).not.toContain('closed')
  })

  test('when the stream is to be opened again costs the others nothing', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    stream.send(event(1, 'a')).send(event(2, 'a'))
    await until(() => one.seen.includes('2'))
    stream.end()
    await until(() => one.states.includes('waiting'))
    const bad = follow(tab(), ['x*y'])
    await until(() => topicsOf(streams().at(-1)).includes('x*y'))
    refuse(streams().at(-1) as Call)
    for (const index of [0, 1]) {
      const probe = await nth(probes, index)
      if (probe.url.includes('x*y')) refuse(probe)
      else probe.answer(200, '{"events":[]}')
    }
    await bad.ended
    await until(() => topicsOf(streams().at(-1)).length === 1)
    expect(streams().at(-1)?.header('last-event-id')).toBe('e-2')
  })

  test('is not looked for if it is the only one', async () => {
    const { ended, subscription } = follow(tab(), ['x*y'])
    refuse(await nth(streams, 0))
    await ended
    expect(subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    expect(net.calls.length).toBe(1)
  })

  test('is looked for again if the hub could not be asked, and nobody is ended', async () => {
    const page = tab()
    const [one, bad] = [follow(page, ['a']), follow(page, ['x*y'])]
    refuse(await nth(streams, 0))
    for (const index of [0, 1]) (await nth(probes, index)).answer(503)
    await until(() => one.states.includes('waiting'))
    refuse(await nth(streams, 1))
    ;(await nth(probes, 2)).answer(200, '{"events":[]}')
    refuse(await nth(probes, 3))
    await bad.ended
    const stream = hello(await nth(streams, 2), 'e-0').send(event(1, 'a'))
    expect(topicsOf(stream)).toEqual(['a'])
    await until(() => one.seen.includes('1'))
    expect(one.states).not.toContain('closed')
  })

  test('that is none: what is refused for another reason fails all', async () => {
    const page = tab()
    const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
    refuse(await nth(streams, 0))
    for (const index of [0, 1]) (await nth(probes, index)).answer(200, '{"events":[]}')
    await Promise.all([one.ended, two.ended])
    expect(one.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
  })
})

describe('who follows from now on is given no history', () => {
  test('when another resumes in the same turn', async () => {
    const page = tab()
    const [one, two] = [follow(page, ['a']), follow(page, ['a'], 'e-3')]
    const stream = hello(await nth(streams, 0), 'e-3').send(event(4, 'a'))
    await until(() => two.seen.includes('4'))
    // Nor is one that comes during the replay.
    const [three, four] = [follow(page, ['a']), follow(tab(), ['a'])]
    await until(() => three.states.includes('open') && four.states.includes('open'))
    stream.send(event(5, 'a')).send(RESUMED).send(event(6, 'a'))
    for (const each of [one, two, three, four]) await until(() => each.seen.includes('6'))
    expect([one, three, four].map(({ seen }) => told(seen))).toEqual([['6'], ['6'], ['6']])
    expect(told(two.seen)).toEqual(['4', '5', '6'])
  })

  test('and goes on from where it began when the stream is lost', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-3')
    await until(() => one.states.includes('open'))
    stream.end()
    const again = await nth(streams, 1)
    expect(again.header('last-event-id')).toBe('e-3')
    hello(again, 'e-3').send(event(4, 'a')).send(RESUMED).send(event(5, 'a'))
    await until(() => one.seen.includes('5'))
    expect(told(one.seen)).toEqual(['4', '5'])
  })
})

describe('while the hub is polled', () => {
  const polls = () => net.calls.filter(({ url }) => url.includes('/api/events?'))

  /** A tab that polls, because nothing of the stream comes through. */
  async function polling(topics: string[]) {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const one = follow(tab(), topics)
    ;(await nth(streams, 0)).open()
    await settle()
    await vi.advanceTimersByTimeAsync(10_000)
    page(await nth(polls, 0), 5)
    await nth(polls, 1)
    return one
  }

  /** Answers a poll that has got to a position. */
  function page(call: Call, position: number, events: object[] = []): void {
    call.answer(200, JSON.stringify({ events, last_event_id: `e-${position}`, gap: null }))
  }

  function polled(n: number, topic: string): object {
    return { id: `e-${n}`, topic, event: 'message', data: `${n}`, time: '', final: false }
  }

  test('who resumes gets what it has missed, and what comes', async () => {
    const one = await polling(['a'])
    const two = follow(tab(), ['a'], 'e-3')
    await until(() => streams().length > 1)
    streams()[1]?.open()
    await settle()
    await vi.advanceTimersByTimeAsync(10_000)
    const again = await nth(polls, 2)
    expect(again.url).toContain('last_event_id=e-3')
    page(again, 6, [polled(4, 'a'), polled(6, 'a')])
    await until(() => two.seen.includes('6') && one.seen.includes('6'))
    expect([told(one.seen), told(two.seen)]).toEqual([['6'], ['4', '6']])
  })

  test('who resumes from where it is gets what comes', async () => {
    const one = await polling(['a'])
    const two = follow(tab(), ['a'], 'e-5')
    await settle()
    page(polls()[1] as Call, 6, [polled(6, 'a')])
    await until(() => two.seen.includes('6') && one.seen.includes('6'))
  })

  test('a topic that is added is polled for, and the others are not held up again', async () => {
    const one = await polling(['a'])
    const two = follow(tab(), ['b'])
    const again = await nth(polls, 2)
    expect(new URL(again.url).searchParams.getAll('topic')).toEqual(['a', 'b'])
    page(again, 5)
    await nth(polls, 3)
    follow(tab(), ['a'])
    await settle()
    expect(polls().length).toBe(4)
    page(polls()[3] as Call, 7, [polled(6, 'a'), polled(7, 'b')])
    await until(() => one.seen.includes('6') && two.seen.includes('7'))
  })
})

describe('a wait that the hub asked for', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }))

  test('is as long though others come and go, and ends with what is wanted then', async () => {
    const page = tab()
    const one = follow(page, ['a'])
    ;(await nth(streams, 0)).answer(503, null, { 'retry-after': '30' })
    await until(() => one.states.includes('waiting'))
    const two = follow(page, ['b'])
    follow(tab(), ['c'])
    await settle()
    two.subscription.close()
    await settle()
    await vi.advanceTimersByTimeAsync(29_000)
    expect(streams().length).toBe(1)
    await vi.advanceTimersByTimeAsync(2000)
    expect(topicsOf(await nth(streams, 1))).toEqual(['a', 'c'])
  })

  test('is as long for who resumes from before', async () => {
    const one = follow(tab(), ['a'])
    hello(await nth(streams, 0), 'e-5').end()
    await until(() => one.states.includes('waiting'))
    await vi.advanceTimersByTimeAsync(1000)
    ;(await nth(streams, 1)).answer(503, null, { 'retry-after': '30' })
    await until(() => one.states.filter((state) => state === 'waiting').length === 2)
    const two = follow(tab(), ['a'], 'e-3')
    follow(tab(), ['a'], 'e-4')
    await settle()
    await vi.advanceTimersByTimeAsync(29_000)
    expect(streams().length).toBe(2)
    await vi.advanceTimersByTimeAsync(2000)
    await until(() => streams().at(-1)?.header('last-event-id') === 'e-3')
    hello(streams().at(-1) as Call, 'e-3')
      .send(event(4, 'a'))
      .send(event(6, 'a'))
    await until(() => one.seen.includes('6') && two.seen.includes('6'))
    expect([told(one.seen), told(two.seen)]).toEqual([['6'], ['4', '6']])
  })
})

describe('who resumes on a stream that is open', () => {
  test('misses nothing though events arrive before the stream goes back', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-5')
    await until(() => one.states.includes('open'))
    const two = follow(tab(), ['a'], 'e-3')
    stream.send(event(6, 'a'))
    await until(() => one.seen.includes('6'))
    const again = hello(await nth(streams, 1), 'e-3')
    for (let n = 4; n <= 7; n += 1) again.send(event(n, 'a'))
    await until(() => one.seen.includes('7') && two.seen.includes('7'))
    expect(told(one.seen)).toEqual(['6', '7'])
    expect(told(two.seen)).toEqual(['4', '5', '6', '7'])
  })

  test('gets what was published on a topic that was not on it', async () => {
    const one = follow(tab(), ['a'])
    hello(await nth(streams, 0), 'e-5')
    await until(() => one.states.includes('open'))
    const two = follow(tab(), ['b'], 'e-7')
    const again = await nth(streams, 1)
    expect(again.header('last-event-id')).toBe('e-5')
    hello(again, 'e-5').send(event(7, 'b')).send(event(8, 'b'))
    await until(() => two.seen.includes('8'))
    expect(told(two.seen)).toEqual(['8'])
    expect(changes()).toEqual([])
  })
})

test('who has been given nothing yet goes on from where the stream was when it came', async () => {
  const leading = tab()
  const one = follow(leading, ['a'], 'e-5')
  hello(await nth(streams, 0), 'e-5').send(RESUMED)
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['a'])
  await until(() => two.states.includes('open'))
  await settle()
  leading.close()
  expect((await nth(streams, 1)).header('last-event-id')).toBe('e-5')
})

describe('after a reset of the hub', () => {
  /** What the new hub has, to one that asks for what it does not know. */
  function replay(call: Call): Call {
    const topics = topicsOf(call)
    const data = JSON.stringify({ connection_id: 'c2', topics })
    const told = gap(`${call.header('last-event-id')}`, 'new-1', 'epoch-changed')
    call.open().send(`event: tidings.connected\ndata: ${data}\n\nid: new-0\n${told}`)
    for (let n = 1; n <= 3; n += 1) call.send(event(n, 'a', false, 'new'))
    return call
  }

  test('all are told the gap once, and given all that there is', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-7')
    await until(() => one.states.includes('open'))
    const two = follow(tab(), ['a'])
    await until(() => two.states.includes('open'))
    stream.send(event(8, 'a'))
    await until(() => two.seen.includes('8') && one.seen.includes('8'))
    stream.end()
    const again = await nth(streams, 1)
    expect(again.header('last-event-id')).toBe('e-8')
    replay(again)
    for (const each of [one, two]) {
      await until(() => each.seen.includes('3'))
      expect(each.seen.filter((data) => data === '(gap)').length).toBe(1)
      expect(told(each.seen)).toEqual(['8', '1', '2', '3'])
    }
  })

  test('who has an id of before and who has seen the new are both served', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'new-1')
    await until(() => one.states.includes('open'))
    stream.send(event(2, 'a', false, 'new'))
    await until(() => one.seen.includes('2'))
    const two = follow(tab(), ['a'], 'old-50')
    const gaps: (string | null)[] = []
    tab().subscribe({
      topics: ['a'],
      lastEventId: 'old-60',
      onEvent: () => {},
      onControl: (control) => control.type === 'gap' && gaps.push(control.requested),
    })
    const again = await nth(streams, 2)
    expect(again.header('last-event-id')).toBe('none-0')
    replay(again)
    await until(() => one.seen.includes('3') && two.seen.includes('3') && gaps.length > 0)
    expect(told(one.seen)).toEqual(['2', '3'])
    expect(one.seen).not.toContain('(gap)')
    expect(two.seen.filter((data) => data !== '(connected)')).toEqual(['(gap)', '1', '2', '3'])
    expect(gaps).toEqual(['old-60'])
  })

  test('who comes for what is new is told no gap', async () => {
    const one = follow(tab(), ['a'], 'old-5')
    const fresh = follow(tab(), ['a'])
    await until(() => topicsOf(streams().at(-1)).length > 0)
    await settle()
    replay(streams().at(-1) as Call)
    await until(() => one.seen.includes('3') && fresh.seen.includes('3'))
    expect(one.seen).toContain('(gap)')
    expect(fresh.seen).not.toContain('(gap)')
  })
})

describe('led by a worker', () => {
  /** Ends the workers as a crash does. */
  let crash: (() => void)[]
  let workers: number

  /** A worker in this process. */
  class FakeWorker {
    static leads = true
    port = { postMessage: (name: string) => FakeWorker.leads && crash.push(lead(name)) }
    addEventListener = () => {}
    constructor() {
      workers += 1
    }
  }

  beforeEach(() => {
    crash = []
    workers = 0
    FakeWorker.leads = true
    vi.stubGlobal('SharedWorker', FakeWorker)
  })
  afterEach(() => {
    for (const end of crash) end()
  })

  test('a tab takes over when the worker is gone, from where each has got to', async () => {
    const one = follow(tab({ leader: 'worker' }), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0').send(event(1, 'a'))
    // The worker is one for all tabs.
    FakeWorker.leads = false
    const two = follow(tab({ leader: 'worker' }), ['a'])
    await until(() => one.seen.includes('1') && two.states.includes('open'))
    expect([workers, streams().length]).toEqual([2, 1])
    for (const end of crash) end()
    const again = await nth(streams, 1)
    expect(stream.aborted).toBe(true)
    expect(again.header('last-event-id')).toBe('e-1')
    hello(again, 'e-1').send(event(2, 'a'))
    await until(() => one.seen.includes('2') && two.seen.includes('2'))
    expect(told(one.seen)).toEqual(['1', '2'])
    expect(streams().length).toBe(2)
  })
})

describe('where the browser has no locks', () => {
  test('each tab has a stream of its own, and says so', async () => {
    expect(tab().isShared).toBe(true)
    vi.stubGlobal('navigator', {})
    const [page, other] = [tab(), tab()]
    expect([page.isShared, other.isShared]).toEqual([false, false])
    const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
    const stream = hello(await nth(streams, 0), 'e-0')
    expect(topicsOf(stream)).toEqual(['a', 'b'])
    await until(() => two.states.includes('open'))
    stream.send(event(1, 'a')).send(event(2, 'b'))
    await until(() => one.seen.includes('1') && two.seen.includes('2'))
    const three = follow(other, ['a'])
    hello(await nth(streams, 1), 'e-2').send(event(3, 'a'))
    await until(() => three.seen.includes('3'))
    expect(one.seen).not.toContain('3')
    page.close()
    expect([stream.aborted, streams()[1]?.aborted]).toEqual([true, false])
  })
})

test('where the browser refuses locks each tab has a stream of its own', async () => {
  const request = () => Promise.reject(new DOMException('denied', 'SecurityError'))
  vi.stubGlobal('navigator', { locks: { request } })
  const [page, other] = [tab(), tab()]
  const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
  const stream = hello(await nth(streams, 0), 'e-0')
  expect(topicsOf(stream)).toEqual(['a', 'b'])
  expect([page.isShared, other.isShared]).toEqual([false, false])
  await until(() => two.states.includes('open'))
  const three = follow(other, ['a'])
  hello(await nth(streams, 1), 'e-0').send(event(1, 'a'))
  await until(() => three.seen.includes('1'))
  stream.send(event(1, 'a')).send(event(2, 'b'))
  await until(() => one.seen.includes('1') && two.seen.includes('2'))
  page.close()
  expect([stream.aborted, streams()[1]?.aborted]).toEqual([true, false])
})

describe('a pattern', () => {
  test('notes none of the topics it brings, and ends with none of them', () => {
    const sink = { item: () => {}, state: () => {}, room: () => undefined }
    const unended = new Set(['a', 'b/*'])
    const rest = { resumes: false, saidIn: undefined, state: { state: 'connecting' } } as const
    const part: Part = { topics: ['a', 'b/*'], sink, after: 'e-0', unended, ...rest }
    const give = (n: number, topic: string, final: boolean) =>
      take(part, { type: 'event', id: `e-${n}`, event: 'message', data: '', topic, final })
    give(1, 'b/1', false)
    give(2, 'b/2', true)
    expect([...unended]).toEqual(['a', 'b/*'])
    give(3, 'a', true)
    expect([...unended]).toEqual(['b/*'])
    give(4, 'a', false)
    expect([...unended]).toEqual(['b/*', 'a'])
  })

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
