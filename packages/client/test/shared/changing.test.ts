import { expect, test, vi } from 'vitest'

import { type Call, settle } from '../fake-fetch.js'
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
