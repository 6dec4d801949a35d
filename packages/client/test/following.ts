import { afterEach, beforeEach, vi } from 'vitest'

import { type State, type SubscribeOptions, type Subscription, subscribe } from '../src/index.js'
import { FakeFetch } from './fake-fetch.js'

const URL_ = 'http://127.0.0.1:1/stream'

/** The requests of the test. */
export let net: FakeFetch
/** All that was told. */
export let log: string[]

/** Has each test of the file begin with nothing told, at a time that is its own. */
export function beginAnew(): void {
  beforeEach(() => {
    net = new FakeFetch()
    log = []
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    vi.spyOn(Math, 'random').mockReturnValue(0)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
}

/** Subscribes, and notes all that is told. */
export function follow(options: Partial<SubscribeOptions> = {}): Subscription {
  return subscribe({
    url: URL_,
    fetch: net.fetch,
    onEvent: (event) => log.push(event.data),
    onControl: (control) => log.push(control.type),
    onState: (state) => log.push(nameOf(state)),
    ...options,
  } as SubscribeOptions)
}

export function nameOf(state: State): string {
  return state.state === 'waiting' ? `waiting ${state.delay}: ${state.error.type}` : state.state
}
