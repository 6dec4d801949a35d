import { afterEach, beforeEach, expect, test } from 'vitest'

import { createPool, type Pool } from '../src/pool.js'
import { createSSE, type SSE, type UseSSEOptions } from '../src/sse.js'
import { FakeFetch, settle } from './fake-fetch.js'

const A = 'http://127.0.0.1:1/a'
const B = 'http://127.0.0.1:1/b'

let net: FakeFetch
let pool: Pool
let used: SSE<number>[]

beforeEach(() => {
  net = new FakeFetch()
  pool = createPool()
  used = []
})
afterEach(() => {
  for (const one of used) one.disconnect()
})

function use(options: UseSSEOptions<number> = {}): SSE<number> {
  const one = createSSE<number>(pool, 'n', () => ({ fetch: net.fetch, ...options }))
  used.push(one)
  return one
}

test('who sends other headers has another stream', async () => {
  use({ headers: { authorization: 'one' } }).connect(A)
  use({ headers: { authorization: 'two' } }).connect(A)
  use({ headers: [['Authorization', 'two']] }).connect(A)
  await settle()
  expect(net.calls.map((call) => call.header('authorization'))).toEqual(['one', 'two'])
})

test('who joins while there is no connection has the last event, and is not connected', async () => {
  use().connect(A)
  const call = (await net.call(0)).open().send('event: n\ndata: 1\n\n')
  await settle()
  call.end()
  await settle()
  const late = use()
  late.connect(A)
  expect(late.current).toMatchObject({ data: 1, isConnected: false, error: null })
  await net.call(1)
  expect(late.current).toMatchObject({ data: 1, isConnected: false })
})

test('who joins does not cut short a wait that the server asked for', async () => {
  use().connect(A)
  ;(await net.call(0)).answer(429, null, { 'retry-after': '60' })
  await settle()
  const late = use()
  late.connect(A)
  await settle()
  expect(net.calls.length).toBe(1)
  expect(late.current.error).not.toBeNull()
})

test('who leaves while an event is given to others does not get it', async () => {
  const [one, two] = [use(), use()]
  one.connect(A)
  two.connect(A)
  const call = (await net.call(0)).open()
  await settle()
  one.subscribe(() => {
    if (one.current.data === 1 && net.calls.length === 1) two.connect(B)
  })
  call.send('event: n\ndata: 1\n\n')
  await settle()
  expect([one.current.data, two.current.data]).toEqual([1, null])
})

test('an error is text, whatever the server says', async () => {
  const one = use()
  one.connect(A)
  ;(await net.call(0)).open().send('event: error\ndata: {"error":{"code":1}}\n\n')
  await settle()
  expect(one.current.error).toBe('{"code":1}')
})
