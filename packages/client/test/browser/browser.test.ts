import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { createHub, type SubscribeOptions } from '../../src/index.js'
import { RunningHub } from '../hub/hub.js'
import { launch } from './launch.js'
import { Site } from './site.js'

declare global {
  // What the pages of this test have in their global scope.
  var subscribe: typeof import('../../src/index.js').subscribe
  var share: typeof import('../../src/shared/index.js').share
  var seen: Record<string, string[]>
  var states: string[]
  var refusal: { status?: number | undefined; retryAfter?: number | undefined } | undefined
  var shared: ReturnType<typeof share> | undefined
  var connect: (topic: string) => void
  var showWidgets: (count: number) => void
  var removeCard: () => void
}

let browser: Browser
let context: BrowserContext
let hub: RunningHub
let site: Site
let folder: string

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tidings-browser-'))
  hub = await RunningHub.start({ folder })
  site = await Site.start(() => hub.url)
  context = await browser.newContext()
})
afterEach(async () => {
  await context?.close()
  site?.stop()
  await hub?.kill()
  rmSync(folder, { recursive: true })
})

function publish(topic: string, data: unknown, event?: string) {
  return createHub({ hub: hub.url }).publish(topic, { data, event })
}

async function open(path = '/pages/'): Promise<Page> {
  const page = await context.newPage()
  await page.goto(site.url + path)
  return page
}

/** Waits until the hub has this many streams on a topic. */
async function streams(topic: string, count: number): Promise<void> {
  await expect.poll(() => hub.connections(topic), { interval: 20 }).toHaveLength(count)
}

describe('a plain page', () => {
  /** Follows what the options name, and notes data and states. */
  async function follow(page: Page, options: Partial<SubscribeOptions>): Promise<void> {
    await page.evaluate((options) => {
      const events: string[] = []
      seen = { events }
      subscribe({
        backoff: { base: 50, cap: 100 },
        cursor: {
          load: () => sessionStorage.getItem('id'),
          save: (id) => sessionStorage.setItem('id', id),
        },
        ...(options as SubscribeOptions),
        onEvent: (event) => events.push(event.data),
        onControl: (control) => events.push(`(${control.type})`),
        onState(state) {
          states.push('transport' in state ? state.transport : state.state)
          if ('error' in state) {
            const { status, retryAfter } = state.error
            globalThis.refusal = { status, retryAfter }
          }
        },
      })
    }, options)
  }

  const state = (page: Page) => page.evaluate(() => states.at(-1))
  const events = (page: Page) => page.evaluate(() => seen['events'])

  /** The data of all events, once this one is among them. */
  async function until(page: Page, data: string): Promise<string[]> {
    await expect.poll(() => events(page), { interval: 20 }).toContain(data)
    return (await events(page))?.filter((event) => !event.startsWith('(')) ?? []
  }

  test('a hub that is killed and comes back is resumed with every event once', async () => {
    const page = await open()
    await follow(page, { topics: ['t'] })
    await streams('t', 1)
    for (const round of [1, 2, 3]) {
      await publish('t', `${round}a`)
      await until(page, `${round}a`)
      await hub.kill()
      await expect.poll(() => state(page), { interval: 10 }).not.toBe('stream')
      hub = await RunningHub.start({ folder, port: hub.port })
      await publish('t', `${round}b`)
      await until(page, `${round}b`)
    }
    expect(await until(page, '3b')).toEqual(['1a', '1b', '2a', '2b', '3a', '3b'])
    expect(await events(page)).not.toContain('(gap)')
  })

  test('what was published while it was offline arrives when it is online', async () => {
    const page = await open()
    await follow(page, { topics: ['t'] })
    await streams('t', 1)
    await publish('t', '1')
    await until(page, '1')
    await context.setOffline(true)
    await publish('t', '2')
    await context.setOffline(false)
    await publish('t', '3')
    expect(await until(page, '3')).toEqual(['1', '2', '3'])
  })

  test('where streams are held back it polls, and says so', async () => {
    site.holdsBack = true
    const page = await context.newPage()
    await page.clock.install()
    await page.goto(`${site.url}/pages/`)
    const asked = () => site.asked.get('/api/events/stream') ?? 0
    const before = asked()
    await follow(page, { topics: ['t'] })
    await expect.poll(asked, { interval: 20 }).toBe(before + 1)
    expect(await state(page)).toBe('connecting')
    await page.clock.fastForward(10_000)
    await expect.poll(() => state(page), { interval: 20 }).toBe('poll')
    await publish('t', '1')
    await until(page, '1')
    await publish('t', '2')
    expect(await until(page, '2')).toEqual(['1', '2'])
  })

  test('a hub that is full says so, and is joined once there is room', async () => {
    await hub.kill()
    hub = await RunningHub.start({ folder, port: hub.port, streams: 1 })
    const [one, two] = [await open(), await open()]
    await follow(one, { topics: ['t'] })
    await streams('t', 1)
    await follow(two, { topics: ['t'] })
    await expect
      .poll(() => two.evaluate(() => globalThis.refusal), { interval: 20 })
      .toMatchObject({
        status: 429,
        retryAfter: expect.any(Number),
      })
    await one.close()
    await expect.poll(() => state(two), { interval: 20 }).toBe('stream')
    await publish('t', '1')
    expect(await until(two, '1')).toEqual(['1'])
  })

  test('a redirect to another origin carries no header of the caller', async () => {
    const other = await Site.start(() => hub.url)
    site.elsewhere = `${other.url}/foreign`
    const page = await open()
    await follow(page, {
      url: '/elsewhere',
      headers: { authorization: 'Bearer x', 'x-api-key': 'k' },
    })
    await until(page, 'x')
    expect(site.headers.get('/elsewhere')).toMatchObject({ authorization: 'Bearer x' })
    const headers = other.headers.get('/foreign')
    expect(headers).not.toHaveProperty('authorization')
    expect(headers).not.toHaveProperty('x-api-key')
    other.stop()
  })

  test('a page that is left closes its stream, and resumes after a reload if it keeps its cursor', async () => {
    const page = await open()
    await follow(page, { topics: ['t'] })
    await streams('t', 1)
    await publish('t', '1')
    await until(page, '1')
    await page.goto('about:blank')
    await streams('t', 0)
    await publish('t', '2')
    await page.goto(`${site.url}/pages/`)
    await follow(page, { topics: ['t'] })
    expect(await until(page, '2')).toEqual(['2'])
  })
})

test('a worker follows a topic, and publishes', async () => {
  const page = await open()
  await page.evaluate(() => {
    const code = `
      import { createHub, subscribe } from '${location.origin}/dist/index.js'
      const hub = '${location.origin}'
      const onEvent = ({ data }) => postMessage(data)
      subscribe({ hub, topics: ['t'], onEvent, backoff: { base: 50, cap: 100 } })
      onmessage = ({ data }) => createHub({ hub }).publish('t', { data })
    `
    const type = 'text/javascript'
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type })), { type: 'module' })
    const events: string[] = []
    seen = { events }
    worker.onmessage = ({ data }) => events.push(data)
    connect = (data) => worker.postMessage(data)
  })
  const shows = (data: string[]) =>
    expect.poll(() => page.evaluate(() => seen['events']), { interval: 20 }).toEqual(data)
  await streams('t', 1)
  await page.evaluate(() => connect('1'))
  await shows(['1'])
  await hub.disconnect('t')
  await publish('t', '2')
  await shows(['1', '2'])
  await page.close()
  await streams('t', 0)
})

test('tabs on a page of plain http have a stream each, and say so', async () => {
  const plain = await launch({}, ['--host-resolver-rules=MAP plain.test 127.0.0.1'])
  const address = site.url.replace('127.0.0.1', 'plain.test')
  const tabs = [await plain.newPage(), await plain.newPage()]
  for (const page of tabs) {
    await page.goto(`${address}/pages/`)
    const isShared = await page.evaluate(() => {
      const events: string[] = []
      seen = { events }
      shared = share({ backoff: { base: 50, cap: 100 } })
      for (const topic of ['a', 'b']) {
        shared.subscribe({ topics: [topic], onEvent: ({ data }) => events.push(data) })
      }
      return [isSecureContext, shared.isShared]
    })
    expect(isShared).toEqual([false, false])
  }
  await streams('a', 2)
  await streams('b', 2)
  await publish('a', '1')
  await publish('b', '2')
  for (const page of tabs) {
    await expect
      .poll(() => page.evaluate(() => seen['events']), { interval: 20 })
      .toEqual(['1', '2'])
  }
  await plain.close()
})

test('a page in the back/forward cache has no stream, and resumes when it is shown again', async () => {
  const caching = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] })
  const page = await caching.newPage()
  await page.goto(`${site.url}/pages/`)
  await page.evaluate(() => {
    const events: string[] = []
    seen = { events }
    subscribe({
      topics: ['t'],
      onEvent: (event) => events.push(event.data),
      onState: (state) => states.push(state.state),
    })
  })
  await streams('t', 1)
  await publish('t', '1')
  await expect.poll(() => page.evaluate(() => seen['events']), { interval: 20 }).toEqual(['1'])
  await page.goto(`${site.url}/pages/?another`)
  await streams('t', 0)
  await publish('t', '2')
  await page.goBack({ waitUntil: 'commit' })
  await expect.poll(() => page.evaluate(() => seen['events']), { interval: 20 }).toEqual(['1', '2'])
  expect(await page.evaluate(() => states)).toContain('paused')
  await caching.close()
})

describe('Vue', () => {
  const card = async (page: Page) => JSON.parse((await page.textContent('#card')) ?? 'null')
  const shows = (page: Page, state: object) =>
    expect.poll(() => card(page), { interval: 20 }).toMatchObject(state)
  const connectTo = (page: Page, topic: string) =>
    page.evaluate(
      (topic) => (globalThis as unknown as { connect(t: string): void }).connect(topic),
      topic,
    )

  test('drop and recovery: one new request with the last id, and the data stays', async () => {
    const page = await open('/pages/vue')
    await shows(page, { data: null, isConnected: false, isLoading: true })
    await connectTo(page, 'a')
    await streams('a', 1)
    await publish('a', { activities: [1] }, 'client_activity')
    await shows(page, { data: [1], isConnected: true, isLoading: false, error: false })
    expect(await hub.disconnect('a')).toBe(1)
    await shows(page, { data: [1], isConnected: false })
    await publish('a', { activities: [1, 2] }, 'client_activity')
    await shows(page, { data: [1, 2], isConnected: true, error: false })
    expect(site.asked.get('/api/events/stream')).toBe(2)
    expect(site.headers.get('/api/events/stream')).toHaveProperty('last-event-id')
    await page.evaluate(() => removeCard())
    await streams('a', 0)
  })

  test('a hub that is down is an error until it is back', async () => {
    const page = await open('/pages/vue')
    await connectTo(page, 'a')
    await streams('a', 1)
    await hub.kill()
    await shows(page, { isConnected: false, error: true })
    hub = await RunningHub.start({ folder, port: hub.port })
    await shows(page, { isConnected: true, error: false })
  })

  test('another address: the data is gone, and nothing of the first comes after', async () => {
    const page = await open('/pages/vue')
    await connectTo(page, 'a')
    await streams('a', 1)
    await publish('a', [1], 'client_activity')
    await shows(page, { data: [1] })
    await connectTo(page, 'b')
    await shows(page, { data: null })
    await streams('a', 0)
    await streams('b', 1)
    await publish('a', [2], 'client_activity')
    await publish('b', [3], 'client_activity')
    await shows(page, { data: [3] })
  })

  test('ten widgets share one connection', async () => {
    const page = await open('/pages/vue')
    await page.evaluate(() => showWidgets(10))
    await streams('a', 1)
    await publish('a', [7], 'client_activity')
    for (const number of [0, 9]) {
      await expect.poll(() => page.textContent(`#widget-${number}`), { interval: 20 }).toBe('[7]')
    }
    expect(site.asked.get('/api/events/stream')).toBe(1)
  })
})

describe('React', () => {
  test('in StrictMode it connects once, recovers, and a live resource follows its changes', async () => {
    const page = await open('/pages/react')
    await streams('a', 1)
    const card = async () => JSON.parse((await page.textContent('#card')) ?? 'null')
    await publish('a', { activities: [1] }, 'client_activity')
    await expect.poll(card, { interval: 20 }).toMatchObject({ data: [1], isConnected: true })
    await expect.poll(() => page.textContent('#topics'), { interval: 20 }).toBe('1')
    await publish('other', 'x')
    await expect.poll(() => page.textContent('#topics'), { interval: 20 }).toBe('2')
    expect(site.asked.get('/api/events/stream')).toBe(1)
    await hub.disconnect('a')
    await publish('a', [2], 'client_activity')
    await expect.poll(card, { interval: 20 }).toMatchObject({ data: [2], isConnected: true })
    expect(site.asked.get('/api/events/stream')).toBe(2)
    await page.evaluate(() => removeCard())
    await streams('a', 0)
  })
})

describe.each(['worker', 'tab'] as const)('tabs that share a stream, led by a %s', (leader) => {
  async function follow(page: Page, topic: string): Promise<void> {
    await page.evaluate(
      ({ topic, leader }) => {
        const data: string[] = []
        seen[topic] = data
        shared ??= share({ leader, backoff: { base: 50, cap: 100 } })
        shared.subscribe({ topics: [topic], onEvent: (event) => data.push(event.data) })
      },
      { topic, leader },
    )
  }

  async function shows(page: Page, topic: string, data: string[]): Promise<void> {
    const shown = () => page.evaluate((topic) => seen[topic], topic)
    await expect.poll(shown, { interval: 20 }).toEqual(data)
  }

  test('tabs come and go, topics are added, and every event is seen once', async () => {
    const one = await open()
    await follow(one, 'a')
    await streams('a', 1)
    const two = await open()
    await follow(two, 'a')
    await follow(two, 'b')
    await streams('b', 1)
    await publish('a', '1')
    await publish('b', '2')
    await shows(one, 'a', ['1'])
    await shows(two, 'a', ['1'])
    await shows(two, 'b', ['2'])
    const [connection] = await hub.connections('a')
    expect(connection?.topics.toSorted()).toEqual(['a', 'b'])
    await one.close()
    await publish('a', '3')
    await publish('b', '4')
    await shows(two, 'a', ['1', '3'])
    await shows(two, 'b', ['2', '4'])
    await streams('b', 1)
    await hub.kill()
    hub = await RunningHub.start({ folder, port: hub.port })
    await publish('a', '5')
    await shows(two, 'a', ['1', '3', '5'])
    await two.close()
    await streams('a', 0)
  })

  test.runIf(leader === 'worker')('a tab takes over when the worker is gone', async () => {
    const one = await open()
    await follow(one, 'a')
    await streams('a', 1)
    const two = await open()
    await follow(two, 'a')
    await follow(two, 'b')
    await streams('b', 1)
    await publish('a', '1')
    await shows(one, 'a', ['1'])
    await shows(two, 'a', ['1'])
    const [lost] = await hub.connections('a')
    const session = await browser.newBrowserCDPSession()
    const { targetInfos } = await session.send('Target.getTargets')
    const worker = targetInfos.find(({ type }) => type === 'shared_worker')
    await session.send('Target.closeTarget', { targetId: `${worker?.targetId}` })
    await publish('a', '2')
    const now = async () => (await hub.connections('b')).map(({ id }) => id !== lost?.id)
    await expect.poll(now, { interval: 20 }).toEqual([true])
    await publish('b', '3')
    await shows(one, 'a', ['1', '2'])
    await shows(two, 'a', ['1', '2'])
    await shows(two, 'b', ['3'])
  })
})
