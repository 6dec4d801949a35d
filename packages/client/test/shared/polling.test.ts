import { describe, expect, test, vi } from 'vitest'

import { type Call, settle } from '../fake-fetch.js'
import { beginWithoutTabs, follow, net, nth, streams, tab, told, until } from './tabs.js'

beginWithoutTabs()

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
    const again = await nth(polls, 2)
    expect(again.url).toContain('last_event_id=e-3')
    page(again, 6, [polled(4, 'a'), polled(6, 'a')])
    await until(() => two.seen.includes('6') && one.seen.includes('6'))
    expect([told(one.seen), told(two.seen)]).toEqual([['6'], ['4', '6']])
    // Nobody had to wait until another stream was known to be held back.
    expect(streams().length).toBe(1)
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
