import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  createHub,
  type Hub,
  type Item,
  type State,
  type Subscription,
  subscribe,
} from '../../src/index.js'
import { HUB_PROGRAM, RunningHub } from './hub.js'

describe.skipIf(!HUB_PROGRAM)('with a hub', () => {
  let running: RunningHub
  let hub: Hub
  let folder: string
  const subscriptions: Subscription[] = []

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidings-client-'))
    running = await RunningHub.start({ folder })
    hub = createHub({ hub: running.url })
  })
  afterEach(async () => {
    for (const subscription of subscriptions.splice(0)) subscription.close()
    await running.kill()
    rmSync(folder, { recursive: true })
  })

  function follow(topics: string[], options = {}): AsyncIterator<Item, void> {
    const backoff = { base: 10, cap: 20 }
    const subscription = subscribe({ topics, hub: running.url, backoff, ...options })
    subscriptions.push(subscription)
    return subscription[Symbol.asyncIterator]()
  }

  async function isOpen(): Promise<void> {
    while (subscriptions.some(({ state }) => state.state !== 'open')) {
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  async function dataUntil(items: AsyncIterator<Item, void>, last: string): Promise<string[]> {
    const seen: string[] = []
    while (seen.at(-1) !== last) {
      const { value } = await items.next()
      seen.push(value?.type === 'event' ? value.data : `(${value?.type})`)
    }
    return seen
  }

  test('what is published is received, with all that belongs to it', async () => {
    const items = follow(['a/*'])
    await isOpen()
    const text = await hub.publish('a/b', { event: 'note', data: 'l1\r\nl2', key: 'k' })
    const json = await hub.publish('a/c', { data: { n: [1, 'é'] } })
    expect(text).toEqual({ id: expect.any(String), receivers: 1, durability: 'disk' })
    const { value: first } = await items.next()
    expect(first).toMatchObject({ type: 'event', event: 'note', data: 'l1\nl2', topic: 'a/b' })
    const { value: second } = await items.next()
    expect(second).toMatchObject({ id: json.id, event: 'message', data: '{"n":[1,"é"]}' })
  })

  test('a topic with its subscribers counted ends with its final event', async () => {
    expect(await hub.subscriberCount('run')).toBe(0)
    const both = [follow(['run']), follow(['run'])]
    await isOpen()
    expect(await hub.subscriberCount('run')).toBe(2)
    await hub.publish('run', { event: 'done', data: 'x', final: true })
    for (const items of both) {
      expect((await items.next()).value).toMatchObject({ event: 'done', final: true })
      expect((await items.next()).done).toBe(true)
    }
    const refused = hub.publish('run', { data: 'late' })
    await expect(refused).rejects.toMatchObject({
      type: 'status',
      status: 409,
      transient: false,
      problem: { type: 'urn:tidings:problem:topic-ended' },
    })
  })

  test('publishing twice with one key is one event', async () => {
    const event = { data: 'a', idempotencyKey: 'k' }
    const first = await hub.publish('t', event)
    expect(await hub.publish('t', event)).toEqual(first)
    await expect(hub.publish('t', { data: 'b', idempotencyKey: 'k' })).rejects.toMatchObject({
      status: 409,
    })
  })

  test('data that is neither text nor JSON is refused', async () => {
    await expect(hub.publish('t', { data: undefined })).rejects.toThrow(TypeError)
    await expect(hub.publish('t', { data: 1n })).rejects.toThrow(TypeError)
  })

  test('a hub that is not there is an error that may pass', async () => {
    const nobody = createHub({ hub: 'http://127.0.0.1:1', attempts: 2 })
    await expect(nobody.subscriberCount('t')).rejects.toMatchObject({
      type: 'network',
      transient: true,
    })
  })

  test('a stream that was ended under it is resumed with every event once', async () => {
    const items = follow(['t'])
    await isOpen()
    const seen: string[] = []
    for (const round of ['1', '2', '3']) {
      await hub.publish('t', { data: `${round}a` })
      expect(await running.disconnect('t')).toBe(1)
      await hub.publish('t', { data: `${round}b` })
      seen.push(...(await dataUntil(items, `${round}b`)))
      await isOpen()
    }
    const events = seen.filter((data) => !data.startsWith('('))
    expect(events).toEqual(['1a', '1b', '2a', '2b', '3a', '3b'])
    expect(seen).not.toContain('(gap)')
  })

  test('a hub that was killed and comes back is resumed with every event once', async () => {
    const items = follow(['t'], { from: 'start' })
    await hub.publish('t', { data: '1' })
    const seen = await dataUntil(items, '1')
    await running.kill()
    running = await RunningHub.start({ folder, port: running.port })
    await hub.publish('t', { data: '2' })
    seen.push(...(await dataUntil(items, '2')))
    expect(seen.filter((data) => !data.startsWith('('))).toEqual(['1', '2'])
  })

  test('a history that is gone is told by a gap', async () => {
    const items = follow(['t'], { lastEventId: 'gone-7' })
    expect((await items.next()).value).toMatchObject({ type: 'gap', reason: 'epoch-changed' })
  })

  test('a hub that is full says so, and for how long, and is joined once there is room', async () => {
    await running.kill()
    running = await RunningHub.start({ folder, port: running.port, streams: 1 })
    follow(['t'])
    await isOpen()
    const states: State[] = []
    const items = follow(['t'], { onState: (state: State) => states.push(state) })
    await expect.poll(() => states.at(-1)?.state, { interval: 10 }).toBe('waiting')
    expect(states.at(-1)).toMatchObject({
      error: { status: 429, problem: { type: 'urn:tidings:problem:too-many-connections' } },
    })
    expect(subscriptions[1]?.state).toMatchObject({ error: { retryAfter: expect.any(Number) } })
    subscriptions.shift()?.close()
    await isOpen()
    await hub.publish('t', { data: '1' })
    expect(await dataUntil(items, '1')).toEqual(['1'])
    expect(states.map(({ state }) => state)).not.toContain('closed')
  })

  test('where streams do not come through, polling gives the same', async () => {
    await hub.publish('t', { data: 'before' })
    const hold = (url: URL, init: RequestInit) =>
      url.pathname.endsWith('/stream')
        ? new Response(null, { headers: { 'content-type': 'text/event-stream' } })
        : fetch(url, init)
    const items = follow(['t'], { fetch: async (...call: [URL, RequestInit]) => hold(...call) })
    await isOpen()
    expect(subscriptions[0]?.state).toMatchObject({ state: 'open', transport: 'poll' })
    await hub.publish('t', { data: '1' })
    await hub.publish('t', { data: '2', final: true })
    expect(await dataUntil(items, '2')).toEqual(['1', '2'])
    expect((await items.next()).done).toBe(true)
  })

  test.each(['start', 'last:2'] as const)('polling starts from %s', async (from) => {
    for (const data of ['1', '2', '3']) await hub.publish('t', { data })
    const hold = async (url: URL, init: RequestInit) =>
      url.pathname.endsWith('/stream')
        ? new Response(null, { headers: { 'content-type': 'text/event-stream' } })
        : fetch(url, init)
    const items = follow(['t'], { fetch: hold, from })
    expect(await dataUntil(items, '3')).toEqual(from === 'start' ? ['1', '2', '3'] : ['2', '3'])
  })
})
