import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { SSE, SSEState, UseSSEOptions } from '../src/sse.js'
import { FakeFetch, settle } from './fake-fetch.js'

/** Something that uses a stream: plain code or a component. */
export interface Mounted<T> extends Pick<SSE<T>, 'connect' | 'disconnect'> {
  state(): SSEState<T>
  unmount(): void
}

/** Mounts something new, with what earlier ones of the same test share. */
export type Mount = <T>(eventName: string, options: UseSSEOptions<T>) => Mounted<T>

const A = 'http://127.0.0.1:1/a'
const B = 'http://127.0.0.1:1/b'

/** What `useSSE` does, whoever uses it. `start` begins a test and gives its means to mount. */
export function behavesAsSSE(start: () => Mount): void {
  let net: FakeFetch
  let mount: Mount
  let mounted: Mounted<unknown>[]

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    vi.spyOn(Math, 'random').mockReturnValue(0)
    net = new FakeFetch()
    mounted = []
    mount = start()
  })
  afterEach(async () => {
    for (const one of mounted) one.unmount()
    await settle()
    // A framework may have something to do in its next turn.
    await vi.advanceTimersByTimeAsync(1)
    expect(vi.getTimerCount()).toBe(0)
    expect(net.calls.every(({ aborted }) => aborted)).toBe(true)
    vi.useRealTimers()
  })

  function use<T = unknown>(options: UseSSEOptions<T> = {}, name = 'client_activity'): Mounted<T> {
    const one = mount<T>(name, { fetch: net.fetch, ...options })
    mounted.push(one as Mounted<unknown>)
    return one
  }

  function activity(payload: unknown, id = ''): string {
    return `${id && `id: ${id}\n`}event: client_activity\ndata: ${JSON.stringify(payload)}\n\n`
  }

  async function opened(one: Mounted<never> | Mounted<unknown>, url = A) {
    one.connect(url)
    const call = (await net.call(net.calls.length)).open()
    await settle()
    return call
  }

  describe('connection', () => {
    test('it loads until the first event', async () => {
      const one = use()
      expect(one.state()).toEqual({ data: null, isConnected: false, isLoading: true, error: null })
      const call = await opened(one)
      expect(one.state()).toEqual({ data: null, isConnected: true, isLoading: true, error: null })
      call.send(activity({ activities: [1] }))
      await settle()
      expect(one.state()).toEqual({ data: [1], isConnected: true, isLoading: false, error: null })
      expect(call.init.credentials).toBe('include')
    })

    test('a drop keeps the data and leads to one new request with the last id', async () => {
      const one = use()
      const call = await opened(one)
      call.send(activity([1], '7'))
      await settle()
      call.end()
      await settle()
      expect(one.state()).toMatchObject({ data: [1], isConnected: false, isLoading: false })
      expect(one.state().error).not.toBeNull()
      await vi.advanceTimersByTimeAsync(4999)
      await settle()
      expect(net.calls.length).toBe(1)
      await vi.advanceTimersByTimeAsync(1)
      const again = (await net.call(1)).open()
      await settle()
      expect(again.header('last-event-id')).toBe('7')
      expect(one.state()).toMatchObject({ data: [1], isConnected: true, error: null })
      await vi.advanceTimersByTimeAsync(15_000)
      expect(net.calls.length).toBe(2)
    })

    test('while the server is down the error stays and the waits grow', async () => {
      vi.spyOn(Math, 'random').mockReturnValue(1)
      const one = use({ reconnectDelay: 1000 })
      one.connect(A)
      for (const [index, delay] of [2000, 3000, 5000].entries()) {
        ;(await net.call(index)).fail()
        await settle()
        expect(one.state()).toMatchObject({ isConnected: false, isLoading: false })
        expect(one.state().error).not.toBeNull()
        await vi.advanceTimersByTimeAsync(delay - 1)
        expect(net.calls.length).toBe(index + 1)
        await vi.advanceTimersByTimeAsync(1)
        await settle()
        expect(net.calls.length).toBe(index + 2)
      }
      net.calls[3]?.open()
      await settle()
      expect(one.state()).toMatchObject({ isConnected: true, error: null })
    })

    test.each([401, 403, 404])('%d is an error without a further request', async (status) => {
      const one = use()
      one.connect(A)
      ;(await net.call(0)).answer(status)
      await settle()
      await vi.advanceTimersByTimeAsync(1_000_000)
      expect(one.state()).toMatchObject({ isConnected: false, isLoading: false })
      expect(one.state().error).toContain(`${status}`)
      expect(net.calls.length).toBe(1)
      const again = opened(one)
      expect(one.state()).toMatchObject({ isLoading: true, error: null })
      await again
      expect(one.state().isConnected).toBe(true)
    })

    test('204 is the end and no error', async () => {
      const one = use()
      one.connect(A)
      ;(await net.call(0)).answer(204)
      await settle()
      await vi.advanceTimersByTimeAsync(1_000_000)
      expect(one.state()).toMatchObject({ isConnected: false, isLoading: false, error: null })
      expect(net.calls.length).toBe(1)
    })

    test('disconnecting closes the stream, open or awaited', async () => {
      const one = use()
      const call = await opened(one)
      one.disconnect()
      await settle()
      expect(call.aborted).toBe(true)
      expect(one.state().isConnected).toBe(false)
      one.connect(A)
      ;(await net.call(1)).fail()
      await settle()
      one.disconnect()
      await settle()
      expect(vi.getTimerCount()).toBe(0)
    })

    test('unmounting closes the stream', async () => {
      const one = use()
      const call = await opened(one)
      one.unmount()
      await settle()
      expect(call.aborted).toBe(true)
    })

    test('a pending reconnect gives way to another address', async () => {
      const one = use()
      one.connect(A)
      ;(await net.call(0)).fail()
      await settle()
      one.connect(B)
      await net.call(1)
      await vi.advanceTimersByTimeAsync(30_000)
      expect(net.calls.map(({ url }) => url)).toEqual([A, B])
      net.calls[1]?.open()
      await settle()
    })
  })

  describe('payload', () => {
    test.each([
      [{ activities: [1, 2] }, [1, 2], undefined],
      [[1, 2], [1, 2], undefined],
      [[], [], undefined],
      [{}, {}, undefined],
      [{ total: 2, activities: [1] }, { total: 2, activities: [1] }, undefined],
      [{ total: 2, activities: [1] }, [1], 'activities'],
      [{ total: 2, activities: [1] }, 2, 'first-key'],
      [{ total: 2 }, 3, ({ total }: { total: number }) => total + 1],
      [7, 7, undefined],
      ['x', 'x', undefined],
      [null, null, undefined],
    ])('%j becomes %j (select: %s)', async (payload, data, select) => {
      const one = use({ select: select as UseSSEOptions<unknown>['select'] })
      ;(await opened(one)).send(activity(payload))
      await settle()
      expect(one.state()).toMatchObject({ data, isLoading: false, error: null })
    })

    test('what is no JSON is an error, the connection stays, and the next event clears it', async () => {
      const one = use()
      const call = await opened(one)
      call.send(activity([1])).send('event: client_activity\ndata: {\n\n')
      await settle()
      expect(one.state()).toMatchObject({ data: [1], isConnected: true })
      expect(one.state().error).not.toBeNull()
      call.send(activity([2]))
      await settle()
      expect(one.state()).toMatchObject({ data: [2], error: null })
    })

    test.each([
      'event: tidings.error\ndata: {"code":"c","message":"no access","retryable":false}\n\n',
      'event: error\ndata: {"error":"no access"}\n\n',
    ])('an error in the stream is told, and the connection stays', async (text) => {
      const one = use()
      const call = await opened(one)
      call.send(text)
      await settle()
      expect(one.state()).toMatchObject({ isConnected: true, isLoading: false, error: 'no access' })
      await vi.advanceTimersByTimeAsync(30_000)
      expect(net.calls.length).toBe(1)
    })

    test('other events are not for it', async () => {
      const one = use()
      ;(await opened(one)).send('event: other\ndata: {\n\ndata: 1\n\n')
      await settle()
      expect(one.state()).toMatchObject({ data: null, isLoading: true, error: null })
    })
  })

  describe('another address', () => {
    test('the data is gone at once, and nothing of the first comes after', async () => {
      const one = use()
      const first = await opened(one)
      first.send(activity([1]))
      await settle()
      one.connect(B)
      first.send(activity([2]))
      await settle()
      expect(one.state()).toMatchObject({ data: null, isLoading: true, isConnected: false })
      expect(first.aborted).toBe(true)
      ;(await net.call(1)).open().send(activity([3]))
      await settle()
      expect(one.state().data).toEqual([3])
    })

    test('the data can be kept', async () => {
      const one = use({ keepData: true })
      ;(await opened(one)).send(activity([1]))
      await settle()
      one.connect(B)
      await settle()
      expect(one.state()).toMatchObject({ data: [1], isLoading: true })
    })
  })

  describe('several', () => {
    test('share one connection, and the last one closes it', async () => {
      const [one, two, other] = [use(), use(), use({}, 'status')]
      const call = await opened(one)
      two.connect(A)
      other.connect(A)
      call.send(activity([1])).send('event: status\ndata: "up"\n\n')
      await settle()
      expect([one, two, other].map((each) => each.state().data)).toEqual([[1], [1], 'up'])
      expect(net.calls.length).toBe(1)
      one.unmount()
      two.disconnect()
      await settle()
      expect(call.aborted).toBe(false)
      other.unmount()
      await settle()
      expect(call.aborted).toBe(true)
    })

    test('who comes later has the last event at once', async () => {
      const call = await opened(use())
      call.send(activity([1])).send(activity([2]))
      await settle()
      const late = use()
      late.connect(A)
      await settle()
      expect(late.state()).toEqual({ data: [2], isConnected: true, isLoading: false, error: null })
    })

    test('one that takes the place of another keeps the connection', async () => {
      const one = use()
      const call = await opened(one)
      one.unmount()
      use().connect(A)
      await settle()
      expect(call.aborted).toBe(false)
      expect(net.calls.length).toBe(1)
    })
  })
}
