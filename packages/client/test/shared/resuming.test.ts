import { describe, expect, test } from 'vitest'

import { settle } from '../fake-fetch.js'
import {
  beginWithoutTabs,
  changes,
  event,
  follow,
  hello,
  nth,
  RESUMED,
  streams,
  tab,
  told,
  until,
} from './tabs.js'

beginWithoutTabs()

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

test('who follows from now on, after nothing was followed, is given no history', async () => {
  const page = tab()
  const one = follow(page, ['a'])
  const stream = hello(await nth(streams, 0), 'e-5').send(event(6, 'a'))
  await until(() => one.seen.includes('6'))
  one.subscription.close()
  await until(() => stream.aborted)
  await settle()
  const two = follow(page, ['b'])
  const again = await nth(streams, 1)
  expect(again.header('last-event-id')).toBeNull()
  hello(again, 'e-50').send(event(51, 'b'))
  await until(() => two.seen.includes('51'))
  expect(two.subscription.lastEventId).toBe('e-51')
})
