import { beforeEach, describe, expect, test, vi } from 'vitest'

import { type Call, settle } from '../fake-fetch.js'
import {
  beginWithoutTabs,
  event,
  follow,
  hello,
  nth,
  streams,
  tab,
  told,
  topicsOf,
  until,
} from './tabs.js'

beginWithoutTabs()

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
