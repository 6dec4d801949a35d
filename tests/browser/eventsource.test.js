import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'

import { Follower, launch } from './browser.js'
import { Hub } from './hub.js'

const OPEN = 1
const CLOSED = 2

let browser
let page
let hub

before(async () => {
  browser = await launch()
})
after(() => browser?.close())
afterEach(async () => {
  await page?.close()
  await hub?.kill()
})

/** Opens the hub's own page and follows a topic from it. */
async function follow(topic, types, settings = {}) {
  hub = await Hub.start({ settings })
  page = await browser.newPage()
  const answer = await page.goto(`${hub.url}/`)
  assert.equal(answer.status(), 200)
  return Follower.open(page, streamOf(topic), types)
}

function streamOf(topic) {
  return `${hub.url}/api/events/stream?topic=${topic}`
}

function dataOf(events, type) {
  return events.filter((event) => event.type === type).map((event) => event.data)
}

function numbers(from, to) {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index))
}

async function publishNumbers(from, to) {
  for (const number of numbers(from, to)) await hub.publish('t', 'tick', number)
}

test('named events arrive with their ids and a healthy stream fires no error', async () => {
  const follower = await follow('t', ['tick', 'note', 'message'], { TIDINGS_KEEP_ALIVE: '20ms' })
  await follower.opened()
  const note = await hub.publish('t', 'note', 'two\nlines')
  await publishNumbers(1, 50)
  const last = await hub.publish('t', 'message', 'last')

  const events = await follower.received('last')

  assert.deepEqual(events[0], { type: 'note', data: 'two\nlines', id: note })
  assert.deepEqual(dataOf(events, 'tick'), numbers(1, 50))
  assert.deepEqual(events.at(-1), { type: 'message', data: 'last', id: last })
  const { opens, errors, readyState, requests } = await follower.state()
  assert.deepEqual({ opens, errors, readyState, requests }, {
    opens: 1,
    errors: 0,
    readyState: OPEN,
    requests: 1,
  })
})

test('a stream that was ended under it is resumed with every event once', async () => {
  const follower = await follow('t', ['tick', 'tidings.resumed', 'tidings.gap'])
  await follower.opened()
  for (const round of [0, 1, 2]) {
    await publishNumbers(round * 20 + 1, round * 20 + 10)
    assert.equal(await hub.disconnect('t'), 1)
    await publishNumbers(round * 20 + 11, round * 20 + 20)
    await follower.received(String(round * 20 + 20))
    await follower.opened(round + 2)
  }
  const { events, errors } = await follower.state()
  assert.deepEqual(dataOf(events, 'tick'), numbers(1, 60))
  assert.deepEqual(dataOf(events, 'tidings.gap'), [])
  assert.equal(errors, 3)
})

test('a hub that died and came back without its history says that there is a gap', async () => {
  const follower = await follow('t', ['tick', 'tidings.gap', 'tidings.resumed'])
  await follower.opened()
  const seen = await hub.publish('t', 'tick', '1')
  await follower.received('1')
  const { port } = hub
  await hub.kill()
  hub = await Hub.start({ port })
  await follower.opened(2)
  await hub.publish('t', 'tick', '2')

  const events = await follower.received('2')

  assert.deepEqual(dataOf(events, 'tick'), ['1', '2'])
  const gaps = dataOf(events, 'tidings.gap').map((data) => JSON.parse(data))
  assert.equal(gaps.length, 1)
  assert.equal(gaps[0].reason, 'epoch-changed')
  assert.equal(gaps[0].requested, seen)
})

test('after the final event the browser stops on 204', async () => {
  const follower = await follow('t', ['tick', 'done'])
  await follower.opened()
  await hub.publish('t', 'tick', '1')
  await hub.publish('t', 'done', 'the end', { final: true })

  await follower.closed()

  const { events, readyState, requests } = await follower.state()
  assert.deepEqual(events.map((event) => event.data), ['1', 'the end'])
  assert.equal(readyState, CLOSED)
  assert.equal(requests, 2)
})

test('a first visit to an ended topic stops at once', async () => {
  hub = await Hub.start()
  await hub.publish('t', 'done', 'the end', { final: true })
  page = await browser.newPage()
  await page.goto(`${hub.url}/`)
  const follower = await Follower.open(page, streamOf('t'), ['done'])

  await follower.closed()

  const { events, opens, requests } = await follower.state()
  assert.deepEqual({ events, opens, requests }, { events: [], opens: 0, requests: 1 })
})

test('what is refused closes the stream for good', async () => {
  const follower = await follow('a*', ['message'])
  await follower.closed()
  const { opens, requests } = await follower.state()
  assert.deepEqual({ opens, requests }, { opens: 0, requests: 1 })
})
