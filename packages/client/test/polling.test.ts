import { describe, expect, test, vi } from 'vitest'

import type { SubscribeOptions } from '../src/index.js'
import { settle } from './fake-fetch.js'
import { beginAnew, follow, log, net } from './following.js'

beginAnew()

test('the hub holds a poll for less than what is taken for silence', async () => {
  const topics = { url: undefined, topics: ['t'], hub: 'http://127.0.0.1:1', idleTimeout: 20_000 }
  const subscription = follow(topics as Partial<SubscribeOptions>)
  ;(await net.call(0)).open()
  await settle()
  await vi.advanceTimersByTimeAsync(10_000)
  ;(await net.call(1)).answer(200, '{"events":[],"last_event_id":"e-1","gap":null}')
  expect((await net.call(2)).url).toMatch(/wait=14$/)
  subscription.close()
})

describe('polling', () => {
  const empty = '{"events":[],"last_event_id":"e-1","gap":null}'

  /** Follows a topic whose stream is held back, until it is polled for. */
  async function polls() {
    const topics = { url: undefined, topics: ['t'], hub: 'http://127.0.0.1:1' }
    const subscription = follow(topics as Partial<SubscribeOptions>)
    ;(await net.call(0)).open()
    await settle()
    await vi.advanceTimersByTimeAsync(10_000)
    ;(await net.call(1)).answer(200, empty)
    await net.call(2)
    return subscription
  }

  test('a hub that answers at once with nothing is asked once a second', async () => {
    const subscription = await polls()
    for (let poll = 2; poll < 5; poll += 1) {
      net.calls[poll]?.answer(200, empty)
      await settle()
      await vi.advanceTimersByTimeAsync(999)
      await settle()
      expect(net.calls.length).toBe(poll + 1)
      await vi.advanceTimersByTimeAsync(1)
      await net.call(poll + 1)
    }
    subscription.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('a hub that gives the same page again and again is asked once a second', async () => {
    const subscription = await polls()
    const page = '{"events":[{"id":"e-1","topic":"t","data":"1"}],"last_event_id":"e-1","gap":null}'
    net.calls[2]?.answer(200, page)
    await settle()
    expect(log.at(-1)).toBe('1')
    expect(net.calls.length).toBe(3)
    await vi.advanceTimersByTimeAsync(1000)
    await net.call(3)
    subscription.close()
  })

  test('what comes is followed by the next poll at once', async () => {
    const subscription = await polls()
    const page = '{"events":[{"id":"e-2","topic":"t","data":"2"}],"last_event_id":"e-2","gap":null}'
    net.calls[2]?.answer(200, page)
    await net.call(3)
    subscription.close()
  })

  test('closing ends the pause', async () => {
    const subscription = await polls()
    net.calls[2]?.answer(200, empty)
    await settle()
    expect(vi.getTimerCount()).toBe(2)
    subscription.close()
    await settle()
    expect(vi.getTimerCount()).toBe(0)
    expect(net.calls.length).toBe(3)
  })
})

describe('the stream of a hub', () => {
  const topics = { url: undefined, topics: ['t'], hub: 'http://127.0.0.1:1' }

  test('is open with its first byte', async () => {
    const subscription = follow(topics as Partial<SubscribeOptions>)
    const call = (await net.call(0)).open()
    await settle()
    expect(log).toEqual(['connecting'])
    call.send('r')
    await settle()
    expect(log).toEqual(['connecting', 'open'])
    expect(subscription.state).toMatchObject({ transport: 'stream' })
    subscription.close()
  })

  test('is not taken for held back while the provider of headers is asked', async () => {
    let provide = (_: HeadersInit) => {}
    const headers = () => {
      return new Promise<HeadersInit>((resolve) => {
        provide = resolve
      })
    }
    const subscription = follow({ ...topics, headers } as Partial<SubscribeOptions>)
    await settle()
    await vi.advanceTimersByTimeAsync(11_000)
    provide({})
    const call = (await net.call(0)).open()
    await vi.advanceTimersByTimeAsync(9000)
    call.send(':\n')
    await settle()
    expect(log).toEqual(['connecting', 'open'])
    subscription.close()
  })

  test('whose headers come once it was stopped is not asked for', async () => {
    const provide: ((headers: HeadersInit) => void)[] = []
    const headers = () => new Promise<HeadersInit>((resolve) => provide.push(resolve))
    const subscription = follow({ ...topics, headers } as Partial<SubscribeOptions>)
    await settle()
    subscription.restart()
    await settle()
    provide[0]?.({})
    await settle()
    expect(net.calls).toEqual([])
    provide[1]?.({})
    await net.call(0)
    await vi.advanceTimersByTimeAsync(9000)
    expect(net.calls.length).toBe(1)
    subscription.close()
  })

  test('that is held back is never told to be open, only its polls are', async () => {
    const subscription = follow(topics as Partial<SubscribeOptions>)
    ;(await net.call(0)).open()
    await settle()
    await vi.advanceTimersByTimeAsync(10_000)
    const poll = await net.call(1)
    expect(log).toEqual(['connecting', 'connecting'])
    poll.answer(200, '{"events":[],"last_event_id":"e-1","gap":null}')
    await net.call(2)
    expect(log).toEqual(['connecting', 'connecting', 'open'])
    expect(subscription.state).toMatchObject({ transport: 'poll' })
    subscription.close()
  })
})
