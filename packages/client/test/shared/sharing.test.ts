import { describe, expect, test, vi } from 'vitest'

import type { Item, Subscription } from '../../src/index.js'
import { settle } from '../fake-fetch.js'
import {
  beginWithoutTabs,
  changes,
  event,
  follow,
  hello,
  nth,
  streams,
  tab,
  topicsOf,
  until,
} from './tabs.js'

beginWithoutTabs()

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

test('a subscription is iterated over as any other', async () => {
  const subscription: Subscription = tab().subscribe({ topics: ['a'] })
  hello(await nth(streams, 0), 'e-0').send(event(1, 'a', true))
  const items: Item[] = []
  for await (const item of subscription) items.push(item)
  expect(items.map(({ type }) => type)).toEqual(['connected', 'event'])
})

test('who subscribes once the tab is closed is told the end', async () => {
  const page = tab()
  page.close()
  const { subscription, states } = follow(page, ['a'])
  await settle()
  expect(subscription.state).toEqual({ state: 'closed', reason: 'closed' })
  expect(states).toEqual(['closed'])
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

test('a tab that comes as the stream ends is not ended with it', async () => {
  const [page, other] = [tab(), tab()]
  let late: ReturnType<typeof follow> | undefined
  // The page is told before the other tab is.
  page.subscribe({
    topics: ['a'],
    onEvent: () => {},
    onState({ state }) {
      if (state === 'closed') late = follow(other, ['b'])
    },
  })
  ;(await nth(streams, 0)).answer(204)
  const again = hello(await nth(streams, 1), 'e-0')
  expect(topicsOf(again)).toEqual(['b'])
  again.send(event(1, 'b'))
  await until(() => late?.seen.includes('1') === true)
  expect(late?.states).not.toContain('closed')
})

test('a tab that comes during a wait tells the others nothing new', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const one = follow(tab(), ['a'])
  ;(await nth(streams, 0)).answer(503, null, { 'retry-after': '30' })
  await until(() => one.states.includes('waiting'))
  const two = follow(tab(), ['a'])
  await until(() => two.states.includes('waiting'))
  await settle()
  expect(one.states.filter((state) => state === 'waiting').length).toBe(1)
})
