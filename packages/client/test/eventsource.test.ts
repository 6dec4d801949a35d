import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { EventSource, type EventSourceOptions } from '../src/eventsource.js'
import { FakeFetch, settle } from './fake-fetch.js'

const URL_ = 'http://127.0.0.1:1/stream'

let net: FakeFetch
let source: EventSource
let log: string[]

beforeEach(() => {
  net = new FakeFetch()
  log = []
})
afterEach(() => source.close())

function open(options: EventSourceOptions = {}) {
  source = new EventSource(URL_, { fetch: net.fetch, backoff: { base: 1, cap: 1 }, ...options })
  source.onopen = () => log.push(`open ${source.readyState}`)
  source.onerror = () => log.push(`error ${source.readyState}`)
  source.onmessage = (event) => log.push(`message ${event.data}`)
  return net.call(0)
}

test('it has the shape of the browser’s', async () => {
  const call = await open({ withCredentials: true, credentials: undefined })
  expect([EventSource.CONNECTING, EventSource.OPEN, EventSource.CLOSED]).toEqual([0, 1, 2])
  expect([source.CONNECTING, source.OPEN, source.CLOSED]).toEqual([0, 1, 2])
  expect([source.readyState, source.url, source.withCredentials]).toEqual([0, URL_, true])
  expect(call.init.credentials).toBe('include')
})

test('events reach their listeners, with id and origin', async () => {
  const call = await open()
  const seen: MessageEvent[] = []
  source.addEventListener('tick', (event) => seen.push(event as MessageEvent))
  call.open().send('id: 1\nevent: tick\ndata: a\n\ndata: b\n\n')
  await settle()
  expect(log).toEqual(['open 1', 'message b'])
  expect(seen[0]).toMatchObject({ data: 'a', lastEventId: '1', origin: 'http://127.0.0.1:1' })
})

test('a loss is one error in state CONNECTING, and it connects again', async () => {
  const call = await open()
  call.open().send('id: 1\ndata: a\n\n').end()
  const again = await net.call(1)
  expect(again.header('last-event-id')).toBe('1')
  again.open()
  await settle()
  expect(log).toEqual(['open 1', 'message a', 'error 0', 'open 1'])
})

test.each([204, 404])('%d is one error in state CLOSED', async (status) => {
  ;(await open()).answer(status)
  await settle()
  expect(log).toEqual(['error 2'])
})

test('503 is tried again, unless it is strict', async () => {
  ;(await open()).answer(503)
  await net.call(1)
  expect(log).toEqual(['error 0'])
  source.close()
  net = new FakeFetch()
  log = []
  ;(await open({ strict: true })).answer(503)
  await settle()
  expect(log).toEqual(['error 2'])
  expect(net.calls.length).toBe(1)
})

test('after close there is no event', async () => {
  const call = await open()
  call.open()
  await settle()
  source.close()
  expect(source.readyState).toBe(2)
  expect(call.aborted).toBe(true)
  await settle()
  expect(log).toEqual(['open 1'])
})

test('an invalid address is a SyntaxError', () => {
  expect(() => new EventSource('http://[')).toThrow(
    expect.objectContaining({ name: 'SyntaxError' }),
  )
  source = new EventSource(URL_, { fetch: net.fetch })
})

test('onmessage is called once for an event, whatever listeners have stopped before', async () => {
  const call = await open()
  source.addEventListener('message', (event) => {
    if (log.length === 1) event.stopImmediatePropagation()
    log.push('heard')
  })
  source.onmessage = ({ data }) => log.push(data)
  call.open().send('data: a\n\ndata: b\n\n')
  await settle()
  expect(log.slice(1)).toEqual(['heard', 'heard', 'b'])
})

test('an event may have any name, that of a property too', async () => {
  vi.stubGlobal('reportError', (error: unknown) => log.push(`${error}`))
  const stream = (await open()).open()
  const seen: string[] = []
  for (const name of ['__proto__', '__defineGetter__']) {
    source.addEventListener(name, ({ type }) => seen.push(type))
    stream.send(`event: ${name}\ndata: a\n\n`)
    await settle()
  }
  expect(seen).toEqual(['__proto__', '__defineGetter__'])
  expect(log).toEqual(['open 1'])
  vi.unstubAllGlobals()
})

test('an address is asked for before each attempt, with why, as for a ticket that is good once', async () => {
  const asked: unknown[] = []
  source = new EventSource(
    async ({ error }) => {
      asked.push(error && (error.reason ?? error.status ?? error.type))
      return `${URL_}?ticket=${asked.length}`
    },
    { fetch: net.fetch, backoff: { base: 1, cap: 1 }, headers: { 'x-a': 'b' } },
  )
  source.onerror = () => log.push(`error ${source.readyState}`)
  expect(source.url).toBe('')
  const first = await net.call(0)
  expect([first.url, source.url]).toEqual([`${URL_}?ticket=1`, `${URL_}?ticket=1`])
  expect(first.header('x-a')).toBe('b')
  const goodbye = '{"reason":"token-expired","retry_after_ms":null}'
  first.open().send(`id: 1\ndata: a\n\nevent: tidings.goodbye\ndata: ${goodbye}\n\n`)
  const second = await net.call(1)
  expect(second.header('last-event-id')).toBe('1')
  expect(log).toEqual(['error 0'])
  second.answer(401)
  const third = await net.call(2)
  expect(third.url).toBe(`${URL_}?ticket=3`)
  third.answer(401)
  await settle()
  expect(asked).toEqual([undefined, 'token-expired', 401])
  expect(log).toEqual(['error 0', 'error 2'])
})

test('who cannot give an address is asked again', async () => {
  let asked = 0
  source = new EventSource(
    () => {
      asked += 1
      return asked === 1 ? 'http://[' : URL_
    },
    { fetch: net.fetch, backoff: { base: 1, cap: 1 } },
  )
  source.onerror = () => log.push(`error ${source.readyState}`)
  expect((await net.call(0)).url).toBe(URL_)
  expect(log).toEqual(['error 0'])
})
