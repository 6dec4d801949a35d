import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import {
  type Control,
  createHub,
  type StreamEvent,
  type Subscription,
  subscribe,
} from '../../src/index.js'
import { type Share, share } from '../../src/shared/index.js'
import { FakeLocks } from '../fake-locks.js'
import { HUB_PROGRAM, RunningHub } from './hub.js'

describe.skipIf(!HUB_PROGRAM)('with a hub that is reset or refuses', () => {
  let running: RunningHub
  let folder: string
  const closing: (Share | Subscription)[] = []

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidings-client-'))
    running = await RunningHub.start({ folder })
    vi.stubGlobal('navigator', { locks: new FakeLocks() })
  })
  afterEach(async () => {
    for (const one of closing.splice(0)) one.close()
    vi.unstubAllGlobals()
    await running.kill()
    rmSync(folder, { recursive: true })
  })

  const publish = (topic: string, data: string) =>
    createHub({ hub: running.url }).publish(topic, { data })

  /** The hub comes back with nothing of what it had, and with this published before anybody is there. */
  async function reset(published: [string, string][]): Promise<void> {
    const { port } = running
    await running.kill()
    rmSync(folder, { recursive: true })
    running = await RunningHub.start({ folder })
    for (const [topic, data] of published) await publish(topic, data)
    await running.kill()
    running = await RunningHub.start({ folder, port })
  }

  /** Notes the data of events, and gaps by their reasons. */
  function noting() {
    const seen: string[] = []
    return {
      seen,
      onEvent: ({ data }: StreamEvent) => seen.push(data),
      onControl: (control: Control) => control.type === 'gap' && seen.push(`(${control.reason})`),
    }
  }

  function tab(): Share {
    const opened = share({
      hub: running.url,
      identity: folder,
      leader: 'tab',
      backoff: { base: 20, cap: 50 },
    })
    closing.push(opened)
    return opened
  }

  async function shows(seen: string[], expected: string[]): Promise<void> {
    await expect.poll(() => seen, { interval: 10 }).toEqual(expected)
  }

  test('a stream of several topics tells the gap, and gives all that is there', async () => {
    const { seen, ...handlers } = noting()
    const topics = ['a', 'b/*']
    const backoff = { base: 20, cap: 50 }
    const subscription = subscribe({ hub: running.url, topics, backoff, ...handlers })
    closing.push(subscription)
    await expect.poll(() => subscription.state.state, { interval: 10 }).toBe('open')
    for (const data of ['1', '2', '3']) await publish('a', data)
    await shows(seen, ['1', '2', '3'])
    await reset([
      ['a', 'x'],
      ['b/c', 'y'],
    ])
    await shows(seen, ['1', '2', '3', '(epoch-changed)', 'x', 'y'])
    await publish('b/c', 'z')
    await shows(seen, ['1', '2', '3', '(epoch-changed)', 'x', 'y', 'z'])
  })

  test('tabs that share a stream are told the gap once each, also who comes with an old id', async () => {
    const [one, two, late] = [noting(), noting(), noting()]
    const page = tab()
    const first = page.subscribe({ topics: ['a'], ...one })
    await expect.poll(() => first.state.state, { interval: 10 }).toBe('open')
    const { id: old } = await publish('a', '1')
    await shows(one.seen, ['1'])
    tab().subscribe({ topics: ['a', 'b'], lastEventId: old, ...two })
    await expect.poll(async () => (await running.connections('b')).length, { interval: 10 }).toBe(1)
    await reset([['a', 'x']])
    await shows(one.seen, ['1', '(epoch-changed)', 'x'])
    await shows(two.seen, ['(epoch-changed)', 'x'])
    await publish('b', 'y')
    await shows(two.seen, ['(epoch-changed)', 'x', 'y'])
    tab().subscribe({ topics: ['a', 'b'], lastEventId: old, ...late })
    await shows(late.seen, ['(epoch-changed)', 'x', 'y'])
    page.close()
    await publish('a', 'z')
    await shows(two.seen, ['(epoch-changed)', 'x', 'y', 'z'])
    await shows(late.seen, ['(epoch-changed)', 'x', 'y', 'z'])
    expect(one.seen).toEqual(['1', '(epoch-changed)', 'x'])
  })

  test('a topic that the hub refuses fails its subscription alone', async () => {
    const good = noting()
    const page = tab()
    const bad = page.subscribe({ topics: ['x*y'], onEvent() {} })
    page.subscribe({ topics: ['a'], ...good })
    await expect
      .poll(() => bad.state, { interval: 10 })
      .toMatchObject({ reason: 'failed', error: { status: 400, problem: { field: 'topic' } } })
    await expect.poll(async () => (await running.connections('a')).length, { interval: 10 }).toBe(1)
    const other = tab().subscribe({ topics: ['y*z'], onEvent() {} })
    await expect.poll(() => other.state, { interval: 10 }).toMatchObject({ reason: 'failed' })
    await publish('a', '1')
    await shows(good.seen, ['1'])
  })
})
