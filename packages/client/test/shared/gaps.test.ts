import { describe, expect, test } from 'vitest'

import { type Call, settle } from '../fake-fetch.js'
import {
  beginWithoutTabs,
  changes,
  event,
  follow,
  gap,
  hello,
  nth,
  RESUMED,
  streams,
  tab,
  told,
  topicsOf,
  until,
} from './tabs.js'

beginWithoutTabs()

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
    await until(() => streams().at(-1)?.header('last-event-id') === 'none-0')
    replay(streams().at(-1) as Call)
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
      .send(RESUMED)
      .send(event(4, 'a', false, 'new'))
    await until(() => one.seen.includes('4') && fresh.seen.includes('4'))
    expect(one.seen).toContain('(gap)')
    expect(fresh.seen).not.toContain('(gap)')
    // Nor is it given what was published before it came.
    expect(told(one.seen)).toEqual(['1', '2', '3', '4'])
    expect(told(fresh.seen)).toEqual(['4'])
  })
})

test('what is left after a gap is no news to who follows from now on', async () => {
  const one = follow(tab(), ['a'])
  const stream = hello(await nth(streams, 0), 'e-50')
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['b'], 'e-2')
  const again = await nth(streams, 1)
  const fresh = follow(tab(), ['b'])
  await until(() => fresh.states.length > 0)
  await settle()
  expect(stream.aborted).toBe(true)
  hello(again, 'e-2').send(gap('e-2', 'e-40')).send(event(41, 'b')).send(RESUMED)
  again.send(event(51, 'b'))
  await until(() => two.seen.includes('51') && fresh.seen.includes('51'))
  expect(told(two.seen)).toEqual(['41', '51'])
  expect(told(fresh.seen)).toEqual(['51'])
})
