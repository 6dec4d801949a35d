import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { type Item, type State, type SubscribeOptions, subscribe, type Why } from '../src/index.js'
import { type Exchange, ScriptedServer } from './scenarios/server.js'

interface Scenario {
  name: string
  options?: {
    headers?: Record<string, string>
    method?: string
    body?: string
    provider?: (string | null)[]
    topics?: string[]
    events?: string[]
    from?: 'now' | 'start'
    last_event_id?: string
    attempts?: number
    backoff?: { base?: number; cap?: number }
    limits?: Record<string, number>
    random?: number
  }
  exchanges: Exchange[]
  outcome: {
    closed: string
    events?: object[]
    items?: object[]
    event_count?: number
    errors?: string[]
    delays?: number[]
    transports?: string[]
    asked?: (string | null)[]
  }
}

const { scenarios } = JSON.parse(
  readFileSync(new URL('scenarios/scenarios.json', import.meta.url), 'utf8'),
) as { scenarios: Scenario[] }

let server: ScriptedServer | undefined

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.UTC(2026, 0) })
})
afterEach(() => {
  vi.useRealTimers()
  server?.stop()
})

test.each(scenarios)('$name', async ({ options = {}, exchanges, outcome }) => {
  vi.spyOn(Math, 'random').mockReturnValue(options.random ?? 0)
  const hung: (number | undefined)[] = []
  server = await ScriptedServer.start(exchanges, (after) => {
    hung.push(after ?? -1)
    moveOn()
  })
  const asked: (string | null)[] = []
  const items: Item[] = []
  const states: State[] = []

  /** Lets the idle timeout pass once the server hangs and the client has seen what came before. */
  function moveOn(): void {
    const given = items.filter((item) => item.type === 'event').length
    const state = states.at(-1)?.state
    const [after] = hung
    if (after === undefined || state === 'closed') return
    if (after >= 0 && (state !== 'open' || given < after)) return
    hung.shift()
    vi.advanceTimersByTime(45_000)
  }

  const closed = await new Promise<State>((resolve) => {
    subscribe({
      ...sourceOf(options, server?.origins.a as string),
      lastEventId: options.last_event_id,
      attempts: options.attempts,
      backoff: options.backoff,
      limits: options.limits,
      headers: options.provider ? providerOf(options.provider, asked) : options.headers,
      onEvent(event) {
        items.push(event)
        moveOn()
      },
      onControl: (control) => items.push(control),
      onState(state) {
        states.push(state)
        if (state.state === 'waiting') setImmediate(() => vi.advanceTimersByTime(state.delay))
        if (state.state === 'closed') resolve(state)
        moveOn()
      },
    })
  })

  expect(server.requests.length).toBe(exchanges.length)
  for (const [index, { at = 'a', expect: expected = {} }] of exchanges.entries()) {
    const { headers = {}, ...request } = server.requests[index] ?? {}
    const { headers: given = {}, headers_hex = {}, absent = [], ...rest } = expected
    expect(request).toMatchObject({ at, ...rest })
    expect(headers).toMatchObject(given)
    for (const [name, hex] of Object.entries(headers_hex)) {
      expect(Buffer.from(headers[name] ?? '', 'latin1').toString('hex')).toBe(hex)
    }
    for (const name of absent) expect(headers).not.toHaveProperty(name)
  }
  expect(closed).toMatchObject({ state: 'closed', reason: outcome.closed })
  const waits = states.filter((state) => state.state === 'waiting')
  const errors = [...states].flatMap((state) => ('error' in state ? [state.error.type] : []))
  expect(errors).toEqual(outcome.errors ?? [])
  expect(waits.map(({ delay }) => delay)).toEqual(outcome.delays ?? [])
  const events = items.filter((item) => item.type === 'event')
  if (outcome.events) expect(events.map(({ type, ...event }) => event)).toEqual(outcome.events)
  if (outcome.items) expect(items).toEqual(outcome.items)
  if (outcome.event_count) expect(events.length).toBe(outcome.event_count)
  if (outcome.asked) expect(asked).toEqual(outcome.asked)
  if (outcome.transports) {
    const open = states.filter((state) => state.state === 'open')
    expect(open.map(({ transport }) => transport)).toEqual(outcome.transports)
  }
})

function sourceOf(options: NonNullable<Scenario['options']>, origin: string): SubscribeOptions {
  const { topics, events, from, method, body } = options
  if (topics) return { topics, events, from, hub: `${origin}/base` }
  return { url: `${origin}/base/stream`, method, body }
}

function providerOf(tokens: (string | null)[], asked: (string | null)[]) {
  return ({ error }: Why) => {
    const token = tokens[asked.length]
    asked.push(error ? [error.type, error.status ?? error.reason].filter(Boolean).join(' ') : null)
    if (token === null) throw new Error('no token')
    return { authorization: `Bearer ${token}` }
  }
}
