import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { Why } from '../src/index.js'
import {
  append,
  checked,
  type Live,
  type LiveOptions,
  live,
  PatchError,
  patch,
  prepend,
  replace,
  SchemaError,
  snapshot,
} from '../src/live/index.js'
import { type Call, FakeFetch, settle } from './fake-fetch.js'

const URL_ = 'http://127.0.0.1:1/api/logs?level=error'

let net: FakeFetch
let followed: Live<unknown> | undefined

beforeEach(() => {
  net = new FakeFetch()
})
afterEach(() => {
  followed?.close()
  vi.useRealTimers()
})

function follow<T>(options: Partial<LiveOptions<T>> = {}): Live<T> {
  const started = live<T>({ url: URL_, fetch: net.fetch, ...options })
  followed = started as Live<unknown>
  return started
}

/** Waits until the state is such, and gives it. */
async function until<T>(live: Live<T>, condition: (state: Live<T>['current']) => boolean) {
  while (!condition(live.current)) {
    await new Promise<void>((resolve) => {
      const stop = live.subscribe(() => {
        stop()
        resolve()
      })
    })
  }
  return live.current
}

function json(call: Call, body: unknown): void {
  call.answer(200, JSON.stringify(body))
}

function event(name: string, data: unknown, id = ''): string {
  return `${id && `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
}

test('the snapshot is fetched once the stream is open, and events wait for it', async () => {
  const logs = follow<number[]>({ on: { log: append<number>() } })
  expect(logs.current).toEqual({
    value: undefined,
    isConnected: false,
    isLoading: true,
    error: null,
  })
  const stream = await net.call(0)
  expect(stream.url).toBe('http://127.0.0.1:1/api/logs/stream?level=error')
  stream.open().send(event('log', 2)).send(event('other', 3))
  const fetched = await net.call(1)
  expect(fetched.url).toBe(URL_)
  json(fetched, [1])
  const { value, isConnected } = await until(logs, ({ value }) => value?.length === 2)
  expect({ value, isConnected }).toEqual({ value: [1, 2], isConnected: true })
})

test('events that a snapshot covers are not applied again', async () => {
  const logs = follow<number[]>({
    on: { log: append<number>() },
    select: (body: { logs: number[] }) => body.logs,
  })
  const stream = (await net.call(0)).open()
  stream
    .send(event('log', 1, 'e-1'))
    .send(event('log', 2, 'e-2'))
    .send(event('log', 3, 'e-10'))
  json(await net.call(1), { logs: [1, 2], last_event_id: 'e-2' })
  expect((await until(logs, ({ value }) => value?.length === 3)).value).toEqual([1, 2, 3])
})

test('after a gap the snapshot is fetched again, before later events', async () => {
  const logs = follow<number[]>({ on: { log: append<number>() } })
  const stream = (await net.call(0)).open()
  json(await net.call(1), [1])
  await until(logs, ({ value }) => value !== undefined)
  stream.send(event('tidings.gap', { reason: 'lagged' })).send(event('log', 9))
  json(await net.call(2), [1, 2, 3])
  expect((await until(logs, ({ value }) => value?.at(-1) === 9)).value).toEqual([1, 2, 3, 9])
})

test('a stream that was resumed needs no new snapshot, one that was not does', async () => {
  const logs = follow<number[]>({ on: { log: append<number>() }, backoff: { base: 1, cap: 1 } })
  const first = (await net.call(0)).open()
  json(await net.call(1), [1])
  await until(logs, ({ value }) => value !== undefined)
  first.end()
  const second = (await net.call(2)).open()
  json(await net.call(3), [1, 2])
  await until(logs, ({ value }) => value?.length === 2)
  second.send(event('log', 3, '3'))
  await until(logs, ({ value }) => value?.length === 3)
  second.end()
  ;(await net.call(4)).open().send(event('log', 4, '4'))
  expect((await until(logs, ({ value }) => value?.length === 4)).value).toEqual([1, 2, 3, 4])
  expect(net.calls.length).toBe(5)
})

test('without reducers every event carries what a snapshot does', async () => {
  const activities = follow<number[]>({
    select: (body: { activities: number[] }) => body.activities,
  })
  const stream = (await net.call(0)).open()
  json(await net.call(1), { activities: [1] })
  await until(activities, ({ value }) => value?.length === 1)
  stream.send(event('client_activity', { activities: [1, 2] }))
  expect((await until(activities, ({ value }) => value?.length === 2)).value).toEqual([1, 2])
})

test('a resource without a snapshot takes all from the stream', async () => {
  const topics = follow<object>({ snapshot: false })
  ;(await net.call(0)).open().send(event('topics', { topics: [] }))
  expect((await until(topics, ({ isLoading }) => !isLoading)).value).toEqual({ topics: [] })
  expect(net.calls.length).toBe(1)
})

test('after a patch that does not fit the snapshot is fetched again, before later patches', async () => {
  const team = follow<{ names: string[] }>({ on: { change: patch() } })
  const change = (path: string, value: string) => event('change', [{ op: 'replace', path, value }])
  const stream = (await net.call(0)).open()
  json(await net.call(1), { names: ['a'] })
  await until(team, ({ value }) => value !== undefined)
  stream.send(change('/names/7', 'x')).send(change('/names/1', 'c'))
  const { value, error } = await until(team, ({ error }) => error !== null)
  expect(error).toBeInstanceOf(PatchError)
  expect(value).toEqual({ names: ['a'] })
  json(await net.call(2), { names: ['a', 'b'] })
  const after = await until(team, ({ value }) => value?.names[1] === 'c')
  expect(after).toMatchObject({ value: { names: ['a', 'c'] }, isConnected: true, error: null })
  expect(net.calls.length).toBe(3)
})

test('where patches never fit the snapshot is fetched again and again, with growing pauses', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  vi.spyOn(Math, 'random').mockReturnValue(1)
  const team = follow<object>({ on: { change: patch() }, backoff: { base: 1000 }, idleTimeout: 0 })
  const misfit = event('change', [{ op: 'remove', path: '/x' }])
  const fit = event('change', [{ op: 'add', path: '/y', value: 1 }])
  const stream = (await net.call(0)).open()
  json(await net.call(1), {})
  await until(team, ({ value }) => value !== undefined)
  stream.send(misfit)
  json(await net.call(2), {})
  for (const [fetched, pause] of [
    [3, 2000],
    [4, 3000],
  ] as const) {
    stream.send(misfit)
    await settle()
    await vi.advanceTimersByTimeAsync(pause - 1)
    expect(net.calls.length).toBe(fetched)
    await vi.advanceTimersByTimeAsync(1)
    json(await net.call(fetched), {})
  }
  stream.send(fit)
  await until(team, ({ value }) => !!value && 'y' in value)
  stream.send(misfit)
  await net.call(5)
})

test('who asks for the snapshot does not wait for a pause', async () => {
  const team = follow<object>({ on: { change: patch() } })
  const misfit = event('change', [{ op: 'remove', path: '/x' }])
  const stream = (await net.call(0)).open()
  json(await net.call(1), {})
  await until(team, ({ value }) => value !== undefined)
  stream.send(misfit)
  json(await net.call(2), {})
  await until(team, ({ error }) => !error)
  stream.send(misfit)
  await until(team, ({ error }) => error instanceof PatchError)
  team.refresh()
  json(await net.call(3), { n: 1 })
  expect((await until(team, ({ error }) => !error)).value).toEqual({ n: 1 })
})

test('a patch that does not fit is an error where there is no snapshot to fetch', async () => {
  const team = follow<object>({ snapshot: false, on: { all: replace(), change: patch() } })
  const stream = (await net.call(0)).open().send(event('all', { n: 1 }))
  await until(team, ({ value }) => value !== undefined)
  stream.send(event('change', [{ op: 'remove', path: '/x' }])).send(event('all', { n: 2 }))
  await until(team, ({ error }) => error instanceof PatchError)
  expect(await until(team, ({ error }) => !error)).toMatchObject({ value: { n: 2 } })
  expect(net.calls.length).toBe(1)
})

test('a snapshot that is refused is an error, and the stream goes on', async () => {
  const logs = follow<number[]>()
  const stream = (await net.call(0)).open()
  ;(await net.call(1)).answer(403)
  const { error, isLoading } = await until(logs, ({ error }) => error !== null)
  expect({ error, isLoading }).toMatchObject({ error: { status: 403 }, isLoading: false })
  stream.send(event('logs', [1]))
  expect(await until(logs, ({ error }) => !error)).toMatchObject({ value: [1], isConnected: true })
})

test('headers that are refused for the snapshot are asked for anew, once', async () => {
  const asked: unknown[] = []
  const headers = ({ error }: Why) => {
    asked.push(error?.status)
    return {}
  }
  const logs = follow<number[]>({ headers })
  ;(await net.call(0)).open()
  ;(await net.call(1)).answer(401)
  json(await net.call(2), [1])
  expect((await until(logs, ({ value }) => !!value)).error).toBeNull()
  logs.refresh()
  ;(await net.call(3)).answer(401)
  ;(await net.call(4)).answer(403)
  expect((await until(logs, ({ error }) => !!error)).error).toMatchObject({ status: 403 })
  expect(asked).toEqual([undefined, undefined, 401, undefined, 401])
})

test('a snapshot that is not to be had now is fetched until it is', async () => {
  const logs = follow<number[]>({ backoff: { base: 1, cap: 1 } })
  ;(await net.call(0)).open()
  ;(await net.call(1)).answer(503)
  ;(await net.call(2)).fail()
  json(await net.call(3), [1])
  expect((await until(logs, ({ value }) => !!value)).error).toBeNull()
})

test('an event that is no JSON is an error that the next one clears', async () => {
  const logs = follow<number>({ snapshot: false })
  const stream = (await net.call(0)).open().send('data: {\n\n')
  expect((await until(logs, ({ error }) => !!error)).error).toBeInstanceOf(SyntaxError)
  stream.send('data: 7\n\n')
  expect(await until(logs, ({ error }) => !error)).toMatchObject({ value: 7, isConnected: true })
})

test('data that does not fit its schema is an error and changes nothing', async () => {
  const numbers = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value: unknown) =>
        typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] },
    },
  } as const
  const total = follow<number>({
    schema: numbers,
    on: { more: checked(numbers, (sum = 0, more) => sum + more) },
  })
  const stream = (await net.call(0)).open()
  json(await net.call(1), 1)
  await until(total, ({ value }) => value === 1)
  stream.send(event('more', 'x'))
  const { error, value } = await until(total, ({ error }) => !!error)
  expect({ error, value }).toEqual({ error: new SchemaError(['no number']), value: 1 })
  stream.send(event('more', 2))
  expect((await until(total, ({ error }) => !error)).value).toBe(3)
})

test('what a listener is called for is a new object', async () => {
  const logs = follow<number>({ snapshot: false })
  const before = logs.current
  ;(await net.call(0)).open()
  const after = await until(logs, ({ isConnected }) => isConnected)
  expect(after).not.toBe(before)
  expect(logs.current).toBe(after)
})

test('a listener that throws disturbs nothing', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const logs = follow<number[]>({ on: { log: append<number>() } })
  logs.subscribe(() => {
    throw new Error('thrown by a listener')
  })
  const stream = (await net.call(0)).open()
  json(await net.call(1), [1])
  await until(logs, ({ value }) => value?.length === 1)
  stream.send(event('log', 2)).send(event('log', 3))
  const { error, isConnected } = await until(logs, ({ value }) => value?.length === 3)
  expect({ error, isConnected }).toEqual({ error: null, isConnected: true })
})

test('a snapshot that comes while an event is reduced is not undone', async () => {
  const reducing: (() => void)[] = []
  const logs = follow<number[]>({
    on: {
      async log(value = [], data) {
        await new Promise<void>((resolve) => reducing.push(resolve))
        return [...value, data as number]
      },
    },
  })
  const stream = (await net.call(0)).open()
  json(await net.call(1), [1])
  await until(logs, ({ value }) => value !== undefined)
  stream.send(event('log', 9))
  await settle()
  logs.refresh()
  json(await net.call(2), [1, 2])
  await until(logs, ({ value }) => value?.length === 2)
  reducing[0]?.()
  await settle()
  reducing[1]?.()
  expect((await until(logs, ({ value }) => value?.at(-1) === 9)).value).toEqual([1, 2, 9])
})

test('after a gap without a new snapshot the error stays', async () => {
  const logs = follow<number[]>({ on: { log: append<number>() } })
  const stream = (await net.call(0)).open()
  json(await net.call(1), [1])
  await until(logs, ({ value }) => value !== undefined)
  stream.send(event('tidings.gap', { reason: 'lagged' })).send(event('log', 9))
  ;(await net.call(2)).answer(403)
  const { error } = await until(logs, ({ value }) => value?.at(-1) === 9)
  expect(error).toMatchObject({ status: 403 })
})

test('a snapshot that is never answered is asked for again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const logs = follow<number>({ idleTimeout: 0 })
  ;(await net.call(0)).open()
  await net.call(1)
  await vi.advanceTimersByTimeAsync(30_000)
  expect(logs.current.error).toMatchObject({ type: 'idle' })
  await vi.advanceTimersByTimeAsync(2000)
  await net.call(2)
})

test('closing aborts the snapshot and the stream', async () => {
  const logs = follow<number>()
  const stream = (await net.call(0)).open()
  const fetched = await net.call(1)
  logs.close()
  expect([stream.aborted, fetched.aborted]).toEqual([true, true])
})

test('a snapshot can be had alone', async () => {
  const got = snapshot<number>(URL_, { fetch: net.fetch, select: (body: { n: number }) => body.n })
  const call = await net.call(0)
  expect(call.header('accept')).toBe('application/json')
  json(call, { n: 7 })
  expect(await got).toBe(7)
})

describe('list reducers', () => {
  type Row = { id: number; text?: string }
  test.each([
    ['append adds at the end', append<number>(), [1], 2, [1, 2]],
    ['append takes several', append<number>(), [1], [2, 3], [1, 2, 3]],
    ['append starts a list', append<number>(), undefined, 1, [1]],
    ['append keeps the last', append<number>({ cap: 2 }), [1, 2], 3, [2, 3]],
    ['prepend adds at the start', prepend<number>(), [1], 2, [2, 1]],
    ['prepend keeps the first', prepend<number>({ cap: 2 }), [2, 1], 3, [3, 2]],
    ['prepend cuts what comes', prepend<number>({ cap: 2 }), [], [3, 2, 1], [3, 2]],
  ])('%s', (_, reducer, list, data, expected) => {
    expect(reducer(list, data)).toEqual(expected)
  })

  test('an item with the key of another takes its place at the end that is new', () => {
    const list: Row[] = [{ id: 1 }, { id: 2 }]
    const again = { id: 1, text: 'x' }
    expect(prepend<Row>({ key: 'id' })(list, again)).toEqual([again, { id: 2 }])
    expect(append<Row>({ key: (row) => row.id })(list, again)).toEqual([{ id: 2 }, again])
    expect(list).toEqual([{ id: 1 }, { id: 2 }])
  })

  test('replace picks a part', () => {
    expect(replace((data: { a: number }) => data.a)(1, { a: 2 })).toBe(2)
    expect(replace<number>()(1, 2)).toBe(2)
  })

  test('patch applies a JSON Patch', () => {
    expect(patch<object>()({ a: 1 }, [{ op: 'add', path: '/b', value: 2 }])).toEqual({ a: 1, b: 2 })
  })
})

test('closing while a patch waits for the snapshot asks for nothing more', async () => {
  const team = follow<{ names: string[] }>({ on: { change: patch() } })
  const stream = (await net.call(0)).open()
  await net.call(1)
  stream.send(event('change', [{ op: 'replace', path: '/names/7', value: 'x' }]))
  await settle()
  team.close()
  await settle()
  team.refresh()
  await settle()
  expect(net.calls.length).toBe(2)
})

test('a stream that is over at the first visit leaves the snapshot as the value', async () => {
  const logs = follow<number[]>()
  ;(await net.call(0)).answer(204)
  json(await net.call(1), [1])
  expect(await until(logs, ({ value }) => !!value)).toEqual({
    value: [1],
    isConnected: false,
    isLoading: false,
    error: null,
  })
})

test('a stream that is over and has no snapshot loads no longer', async () => {
  const logs = follow<number[]>({ snapshot: false })
  ;(await net.call(0)).answer(204)
  expect((await until(logs, ({ isLoading }) => !isLoading)).value).toBeUndefined()
})
