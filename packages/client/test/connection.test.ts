import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, test, vi } from 'vitest'

import { subscribe } from '../src/index.js'
import { topicSource } from '../src/source.js'
import { settle } from './fake-fetch.js'
import { beginAnew, follow, log, nameOf, net } from './following.js'

beginAnew()

describe('closing', () => {
  test('nothing is told after it while connecting, and the request is aborted', async () => {
    const subscription = follow()
    await settle()
    subscription.close()
    net.calls[0]?.open().send('data: a\n\n')
    await settle()
    expect(log).toEqual(['connecting'])
    expect(net.calls[0]?.aborted).toBe(true)
    expect(subscription.state).toEqual({ state: 'closed', reason: 'closed' })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('at once after subscribing sends nothing', async () => {
    follow().close()
    await settle()
    expect(log).toEqual([])
    expect(net.calls).toEqual([])
  })

  test('nothing is told after it while waiting, and no timer is left', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.fail()
    await settle()
    expect(log).toEqual(['connecting', 'waiting 1000: network'])
    subscription.close()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(100_000)
    expect(net.calls.length).toBe(1)
  })

  test('in a handler it stops the events that came with it', async () => {
    const subscription = follow({
      onEvent: (event) => {
        log.push(event.data)
        subscription.close()
      },
    })
    await settle()
    net.calls[0]?.open().send('data: a\n\ndata: b\n\n')
    await settle()
    expect(log).toEqual(['connecting', 'open', 'a'])
    expect(net.calls[0]?.aborted).toBe(true)
  })

  test.each(['connecting', 'open', 'waiting 1000: network'])(
    'in the handler of "%s" works',
    async (at) => {
      const subscription = follow({
        onState: (state) => {
          log.push(nameOf(state))
          if (log.at(-1) === at) subscription.close()
        },
      })
      await settle()
      net.calls[0]?.open().send('data: a\n\n')
      net.calls[0]?.fail()
      await settle()
      if (at.startsWith('waiting')) subscription.restart()
      await settle()
      net.calls[1]?.fail()
      await settle()
      const last = log.at(-1)
      await vi.advanceTimersByTimeAsync(100_000)
      await settle()
      expect(log.at(-1)).toBe(last)
      expect(vi.getTimerCount()).toBe(0)
    },
  )

  test('a signal closes, and one that was aborted before sends nothing', async () => {
    const controller = new AbortController()
    follow({ signal: controller.signal })
    await settle()
    controller.abort()
    expect(net.calls[0]?.aborted).toBe(true)
    follow({ signal: controller.signal })
    await settle()
    expect(net.calls.length).toBe(1)
    expect(log).toEqual(['connecting'])
  })
})

describe('restarting', () => {
  test('it connects at once, from where the stream has got to', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.open().send('id: 1\ndata: a\n\n')
    await settle()
    subscription.restart()
    await settle()
    expect(net.calls[1]?.header('last-event-id')).toBe('1')
    expect(log).toEqual(['connecting', 'open', 'a', 'connecting'])
    subscription.close()
  })

  test('it cuts a wait short', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.fail()
    await settle()
    subscription.restart()
    await settle()
    expect(net.calls.length).toBe(2)
    expect(vi.getTimerCount()).toBe(1)
    subscription.close()
  })

  test('what a superseded attempt still brings is ignored', async () => {
    net.obeys = false
    const subscription = follow()
    await settle()
    subscription.restart()
    await settle()
    net.calls[0]?.open().send('data: late\n\n')
    net.calls[1]?.open().send('data: a\n\n')
    await settle()
    expect(log).toEqual(['connecting', 'connecting', 'open', 'a'])
    subscription.close()
  })

  test('it does not wait for a provider that hangs', async () => {
    let asked = 0
    const headers = () => (++asked === 1 ? new Promise<HeadersInit>(() => {}) : {})
    const subscription = follow({ headers })
    await settle()
    subscription.restart()
    await settle()
    expect(net.calls.length).toBe(1)
    subscription.close()
  })
})

describe('handlers that throw', () => {
  test('disturb neither the events nor the connection', async () => {
    const reported: unknown[] = []
    vi.stubGlobal('reportError', (error: unknown) => reported.push(error))
    const oops = new Error('oops')
    const subscription = follow({
      onEvent: (event) => {
        log.push(event.data)
        throw oops
      },
      onState: () => {
        throw oops
      },
    })
    await settle()
    net.calls[0]?.open().send('data: a\n\ndata: b\n\n')
    await settle()
    expect(log).toEqual(['a', 'b'])
    expect(net.calls.length).toBe(1)
    expect(reported).toEqual([oops, oops, oops, oops])
    subscription.close()
  })
})

describe('silence', () => {
  test('any byte puts it off', async () => {
    const subscription = follow()
    await settle()
    const call = net.calls[0]?.open()
    for (const _ of Array(5)) {
      await vi.advanceTimersByTimeAsync(44_000)
      call?.send(':\n')
      await settle()
    }
    expect(log).toEqual(['connecting', 'open'])
    await vi.advanceTimersByTimeAsync(45_000)
    expect(log.at(-1)).toBe('waiting 1000: idle')
    subscription.close()
  })

  test('is noticed on waking though the timers stood still', async () => {
    const page = new EventTarget()
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
    const subscription = follow()
    await settle()
    net.calls[0]?.open()
    await settle()
    vi.setSystemTime(Date.now() + 3_600_000)
    page.dispatchEvent(new Event('visibilitychange'))
    await settle()
    expect(log.at(-1)).toBe('waiting 1000: idle')
    vi.setSystemTime(Date.now() + 3_600_000)
    page.dispatchEvent(new Event('visibilitychange'))
    await settle()
    expect(net.calls.length).toBe(2)
    subscription.close()
  })

  test('0 means never', async () => {
    const subscription = follow({ idleTimeout: 0 })
    await settle()
    net.calls[0]?.open()
    await settle()
    await vi.advanceTimersByTimeAsync(2 ** 31 * 3)
    expect(log).toEqual(['connecting', 'open'])
    subscription.close()
  })

  test('a connection that lived long has proved itself', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    const subscription = follow()
    await settle()
    net.calls[0]?.fail()
    await settle()
    await vi.advanceTimersByTimeAsync(2000)
    net.calls[1]?.open()
    await settle()
    await vi.advanceTimersByTimeAsync(10_000)
    net.calls[1]?.end()
    await settle()
    expect(log.filter((entry) => entry.startsWith('waiting'))).toEqual([
      'waiting 2000: network',
      'waiting 2000: closed',
    ])
    subscription.close()
  })
})

describe('the page', () => {
  let page: EventTarget
  beforeEach(() => {
    page = new EventTarget()
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page))
  })

  test('is hidden and restored: the connection with it, from where it was', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.open().send('id: 1\ndata: a\n\n')
    await settle()
    page.dispatchEvent(new Event('pagehide'))
    await settle()
    expect(net.calls[0]?.aborted).toBe(true)
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(net.calls.length).toBe(1)
    page.dispatchEvent(new Event('pageshow'))
    await settle()
    expect(net.calls[1]?.header('last-event-id')).toBe('1')
    expect(log).toEqual(['connecting', 'open', 'a', 'paused', 'connecting'])
    subscription.close()
  })

  test('that is shown for the first time changes nothing', async () => {
    const subscription = follow()
    await settle()
    page.dispatchEvent(new Event('pageshow'))
    await settle()
    expect(net.calls.length).toBe(1)
    subscription.close()
  })

  test('comes online: the wait is cut short', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.fail()
    await settle()
    page.dispatchEvent(new Event('online'))
    await settle()
    expect(net.calls.length).toBe(2)
    subscription.close()
  })

  test('comes online: a wait that the server asked for is kept', async () => {
    const subscription = follow()
    await settle()
    net.calls[0]?.answer(503, null, { 'retry-after': '60' })
    await settle()
    page.dispatchEvent(new Event('online'))
    await settle()
    expect(log.at(-1)).toBe('waiting 60000: status')
    expect(net.calls.length).toBe(1)
    subscription.close()
  })

  test('is followed no longer once the subscription is closed', async () => {
    follow().close()
    page.dispatchEvent(new Event('pagehide'))
    page.dispatchEvent(new Event('pageshow'))
    page.dispatchEvent(new Event('online'))
    await settle()
    expect(log).toEqual([])
    expect(net.calls).toEqual([])
  })
})

describe('in a browser', () => {
  test('redirects are followed with Authorization alone', async () => {
    const subscription = follow({ headers: { authorization: 'Bearer x', 'x-api-key': 'k' } })
    await settle()
    const opaque = Object.defineProperties(new Response(), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    })
    const first = await net.call(0)
    first.respond(opaque)
    const second = await net.call(1)
    expect(first?.init.redirect).toBe('manual')
    expect(first?.header('x-api-key')).toBe('k')
    expect(second?.init.redirect).toBe('follow')
    expect(second?.header('authorization')).toBe('Bearer x')
    expect(second?.header('x-api-key')).toBeNull()
    expect(second?.header('accept')).toBe('text/event-stream')
    subscription.close()
  })
})

test('an invalid address throws', () => {
  expect(() => subscribe({ url: 'http://[' })).toThrow(TypeError)
  expect(() => subscribe({ url: '/relative' })).toThrow(TypeError)
  expect(() => subscribe({ topics: ['t'], hub: 'nowhere' })).toThrow(TypeError)
})

test('the cursor is loaded at first and saved after each chunk', async () => {
  const saved: string[] = []
  const cursor = { load: () => '6', save: (id: string) => saved.push(id) }
  const subscription = follow({ cursor, lastEventId: '1' })
  await settle()
  expect(net.calls[0]?.header('last-event-id')).toBe('6')
  net.calls[0]?.open().send('id: 7\n\n')
  await settle()
  net.calls[0]?.send('id: 8\ndata: a\n\nid: 9\ndata: b\n\n')
  await settle()
  expect(saved).toEqual(['7', '9'])
  subscription.close()
})

test('waits grow from a base of 0, too', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(0.5)
  const subscription = follow({ backoff: { base: 0 } })
  for (let attempt = 0; attempt < 4; attempt += 1) {
    ;(await net.call(attempt)).fail()
    await settle()
    await vi.advanceTimersByTimeAsync(1000)
  }
  subscription.close()
  expect(log.filter((line) => line.startsWith('waiting'))).toEqual(
    [50, 100, 200, 400].map((delay) => `waiting ${delay}: network`),
  )
})

test('options that are undefined act as those that are not there', async () => {
  vi.spyOn(Math, 'random').mockReturnValue(1)
  const subscription = follow({
    backoff: { base: undefined, cap: undefined },
    limits: { line: undefined, event: undefined, id: undefined, name: undefined },
    attempts: undefined,
    idleTimeout: undefined,
    credentials: undefined,
    headers: undefined,
    method: undefined,
    body: undefined,
    queue: { limit: undefined, whenFull: undefined },
  })
  for (const [attempt, delay] of [2000, 3000, 5000].entries()) {
    ;(await net.call(attempt)).fail()
    await settle()
    expect(log.at(-1)).toBe(`waiting ${delay}: network`)
    await vi.advanceTimersByTimeAsync(delay)
  }
  ;(await net.call(3)).open().send(`id: 1\nevent: x\nretry: ${undefined}\ndata: a\n\n`)
  await settle()
  expect(log.at(-1)).toBe('a')
  await vi.advanceTimersByTimeAsync(45_000)
  expect(log.at(-1)).toBe('waiting 2000: idle')
  subscription.close()
})

test('to close when it opens cancels what a fetch brings that knows no signal', async () => {
  const cancel = vi.fn()
  const subscription = follow({ onState: ({ state }) => state === 'open' && subscription.close() })
  const headers = { 'content-type': 'text/event-stream' }
  ;(await net.call(0)).respond(new Response(new ReadableStream({ cancel }), { headers }))
  await settle()
  expect(cancel).toHaveBeenCalled()
})

test('a signal that lives longer than its subscriptions keeps none of them', async () => {
  const { signal } = new AbortController()
  follow({ signal }).close()
  follow({ signal })
  ;(await net.call(0)).answer(204)
  await settle()
  expect(log.at(-1)).toBe('closed')
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

test('a stream of topics ends with them, whatever else came', () => {
  const source = topicSource({ topics: ['t'], hub: 'http://127.0.0.1:1' })
  const event = { type: 'event', event: 'message', data: '' } as const
  source.take({ ...event, id: 'e-1', topic: 'other' })
  source.take({ ...event, id: 'e-2', topic: 't', final: true })
  expect(source.ended()).toBe(true)
  source.take({ ...event, id: 'e-3', topic: 't' })
  expect(source.ended()).toBe(false)
})
