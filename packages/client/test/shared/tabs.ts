import { afterEach, beforeEach, vi } from 'vitest'

import type { State } from '../../src/index.js'
import { type Share, type ShareOptions, share } from '../../src/shared/index.js'
import { type Call, FakeFetch, settle } from '../fake-fetch.js'
import { FakeLocks } from '../fake-locks.js'

/** The requests of all tabs of the test. */
export let net: FakeFetch
let tabs: Share[]
let number = 0

/** Has each test of the file begin without tabs, in a browser that has locks. */
export function beginWithoutTabs(): void {
  beforeEach(() => {
    net = new FakeFetch()
    tabs = []
    number += 1
    vi.stubGlobal('fetch', net.fetch)
    vi.stubGlobal('navigator', { locks: new FakeLocks() })
  })
  afterEach(async () => {
    for (const tab of tabs) tab.close()
    await settle()
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })
}

/** A tab of the same page. */
export function tab(options: ShareOptions = {}): Share {
  const opened = share({
    hub: 'http://127.0.0.1:1',
    identity: `test ${number}`,
    leader: 'tab',
    backoff: { base: 1, cap: 1 },
    ...options,
  })
  tabs.push(opened)
  return opened
}

/** What a tab follows, with all that it was told. */
export function follow(of: Share, topics: string[], lastEventId = '') {
  const seen: string[] = []
  const states: string[] = []
  const subscription = of.subscribe({
    topics,
    lastEventId,
    onEvent: (event) => seen.push(event.data),
    onControl: (control) => seen.push(`(${control.type})`),
    onState: (state: State) => states.push(state.state),
  })
  return { subscription, seen, states, ended: until(() => subscription.state.state === 'closed') }
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

export const streams = () => net.calls.filter(({ url }) => url.endsWith('/stream'))
export const changes = () => net.calls.filter(({ init }) => init.method === 'PATCH')

export async function nth(calls: () => Call[], index: number): Promise<Call> {
  await until(() => calls().length > index)
  return calls()[index] as Call
}

export function hello(call: Call, position: string, id = 'c1'): Call {
  const topics = new URLSearchParams(`${call.init.body}`).getAll('topic')
  const data = JSON.stringify({ connection_id: id, topics })
  return call.open().send(`id: ${position}\n\nevent: tidings.connected\ndata: ${data}\n\n`)
}

export function event(n: number, topic: string, final = false, epoch = 'e'): string {
  const data = JSON.stringify({
    id: `${epoch}-${n}`,
    topic,
    event: 'message',
    data: `${n}`,
    time: '',
    final,
  })
  return `id: ${epoch}-${n}\ndata: ${data}\n\n`
}

export function gap(requested: string, oldest: string | null, reason = 'evicted'): string {
  const data = JSON.stringify({ reason, requested, oldest })
  return `event: tidings.gap\ndata: ${data}\n\n`
}

/** The end of what is replayed. */
export const RESUMED = 'event: tidings.resumed\ndata: {"from":"e-0","count":1}\n\n'

/** The data of the events among what was seen. */
export function told(seen: string[]): string[] {
  return seen.filter((data) => !data.startsWith('('))
}

export function topicsOf(call: Call | undefined): string[] {
  return new URLSearchParams(`${call?.init.body}`).getAll('topic')
}
