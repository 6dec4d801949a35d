import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'

import { launch } from './browser.js'
import { Console, has, MARKUP, post } from './console.js'
import { Hub } from './hub.js'

let browser
let hub
let hasDashboards

before(async () => {
  browser = await launch()
  hub = await Hub.start()
  hasDashboards = await has(hub, '/api/dashboard')
  await hub.kill()
})
after(() => browser?.close())
afterEach(() => hub?.kill())

/** Opens the overview of a hub that says of itself only what it is asked, if it has dashboards. */
async function open(t, settings = { TIDINGS_METRICS_INTERVAL: '0' }) {
  if (!hasDashboards) {
    t.skip('the hub has no dashboards')
    return undefined
  }
  hub = await Hub.start({ settings })
  const console = await Console.open(browser, hub.url)
  await console.link('Live')
  await console.text('Everything works').waitFor()
  return console
}

async function tell(event, data) {
  const answer = await post(hub, '/api/dashboard/events', { event, data })
  assert.equal(answer.status, 200, await answer.text())
}

test('s22 of sixty notifications fifty are listed, sixty are new, and none after a look', async (t) => {
  const console = await open(t)
  if (!console) return
  for (let number = 1; number <= 60; number += 1) {
    await tell('notification', { source: 'test', message: `number ${number}`, severity: 'info' })
  }
  await console.page.locator('[data-unread]', { hasText: /^60$/ }).waitFor()
  await console.page.keyboard.press('n')
  await console.text('number 60').waitFor()
  assert.equal(await console.page.locator('[data-notification]').count(), 50)
  await console.page.locator('[data-unread]').waitFor({ state: 'detached' })
  await console.page.keyboard.press('Escape')
  await tell('notification', { message: 'one more' })
  await console.page.locator('[data-unread]', { hasText: /^1$/ }).waitFor()
  await console.close()
})

test('s22 twenty updates at once are one refetch', async (t) => {
  const console = await open(t)
  if (!console) return
  const calls = () => console.calls.filter((path) => path.endsWith('/api/dashboard')).length
  const before = calls()
  await console.page.clock.install()
  for (let index = 0; index < 20; index += 1) await tell('metrics-update', { index })
  // What comes in order after them shows that they are there.
  await tell('notification', { message: 'after them' })
  await console.page.locator('[data-unread]', { hasText: /^1$/ }).waitFor()
  assert.equal(calls(), before)
  const answered = console.page.waitForResponse((answer) => answer.url().endsWith('/api/dashboard'))
  await console.page.clock.runFor(500)
  await answered
  await console.page.clock.runFor(10_000)
  await console.page.getByText('after them').first().waitFor()
  assert.equal(calls() - before, 1)
  await console.close()
})

test('s22 what was said while the page was away is there when it is back', async (t) => {
  const console = await open(t)
  if (!console) return
  await hub.kill()
  await console.link('Offline')
  hub = await Hub.start({ port: hub.port, settings: { TIDINGS_METRICS_INTERVAL: '0' } })
  await tell('notification', { message: 'while you were away' })
  await console.link('Live')
  await console.page.getByText('while you were away').first().waitFor()
  await console.close()
})

test('s22 badges and charts move, and what is said is text', async (t) => {
  const console = await open(t, { TIDINGS_METRICS_INTERVAL: '100ms' })
  if (!console) return
  await tell('nav-badge-update', { path: '/topics', count: 7 })
  await console.page.getByRole('link', { name: /Topics\s*7/ }).waitFor()
  await tell('notification', { title: MARKUP, message: MARKUP, url: 'javascript:globalThis.pwned=1' })
  await console.page.getByRole('button', { name: /Notifications/ }).click()
  await console.page.locator('[data-notification]', { hasText: MARKUP }).waitFor()
  assert.equal(await console.page.locator('[data-notification] a').count(), 0)
  await hub.publish('t', 'n', 'x')
  await console.page.getByRole('region', { name: 'Events' }).getByText(/^[1-9]\d* in, /).waitFor()
  assert.equal(await console.page.locator('.cards canvas').count(), 8)
  await console.close()
})

test('s22 four tabs have two streams each at most', async (t) => {
  const first = await open(t)
  if (!first) return
  const tabs = [first]
  for (let more = 1; more < 4; more += 1) tabs.push(await Console.open(browser, hub.url, '#/topics/t'))
  for (const tab of tabs) await tab.link('Live')
  const answer = await fetch(`${hub.url}/dashboard/api/sse/status`)
  assert.equal((await answer.json()).connected_clients, tabs.length)
  for (const tab of tabs) {
    assert.ok(tab.streams.size <= 2)
    await tab.close()
  }
})
