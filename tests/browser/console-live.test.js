import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'

import { launch } from './browser.js'
import { Console, post, publishAll } from './console.js'
import { Hub } from './hub.js'

let browser
let hub

before(async () => {
  browser = await launch()
})
after(() => browser?.close())
afterEach(() => hub?.kill())

test('s22 the dot goes off with the hub, and on when it is back', async () => {
  hub = await Hub.start()
  const console = await Console.open(browser, hub.url, '#/topics/t')
  await console.link('Live')
  await hub.kill()
  await console.link('Offline')
  hub = await Hub.start({ port: hub.port })
  await console.link('Live')
  await hub.publish('t', 'note', 'after the restart')
  await console.text('after the restart').waitFor()
  await console.close()
})

test('s22 after a crash history and executions are back, and so are the pages by themselves', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-console-'))
  t.after(async () => {
    await hub.kill()
    await rm(folder, { recursive: true })
  })
  const tell = (event, data) => post(hub, '/api/executions/kept/events', { event, data })
  hub = await Hub.start({ folder })
  await hub.publish('t', 'note', 'before')
  const tasks = ['a', 'b'].map((id) => ({ id, title: `Task ${id}` }))
  await post(hub, '/api/executions', { id: 'kept', title: 'A run', tasks })
  await tell('execution-start', {})
  await tell('task-start', { taskId: 'a' })
  await tell('task-complete', { taskId: 'a' })
  await tell('output', { stream: 'stdout', line: 'said before' })

  const topic = await Console.open(browser, hub.url, '#/topics/t')
  const execution = await Console.open(browser, hub.url, '#/executions/kept')
  const pages = [topic, execution]
  await topic.text('before').waitFor()
  await execution.text('said before').waitFor()
  await hub.kill()
  for (const page of pages) await page.link('Offline')
  hub = await Hub.start({ port: hub.port, folder })
  for (const page of pages) await page.link('Live')

  await hub.publish('t', 'note', 'after')
  await tell('output', { stream: 'stdout', line: 'said after' })
  await tell('task-start', { taskId: 'b' })
  await tell('task-complete', { taskId: 'b' })
  await topic.text('after').waitFor()
  await topic.page.locator('[data-received]', { hasText: /^2 received/ }).waitFor()
  await execution.text('said after').waitFor()
  await execution.text('2 of 2').waitFor()
  assert.equal(await topic.page.getByText('tidings.gap').count(), 0)
  assert.equal(await execution.page.getByText('tidings.gap').count(), 0)

  for (const { page } of pages) await page.reload()
  for (const text of ['before', 'after']) await topic.text(text).waitFor()
  for (const text of ['said before', 'said after', '2 of 2']) await execution.text(text).waitFor()
  for (const page of pages) await page.close()
})

test('a page that went offline comes back with what it missed', async () => {
  hub = await Hub.start({ settings: { TIDINGS_KEEP_ALIVE: '100ms' } })
  const console = await Console.open(browser, hub.url, '#/topics/t')
  await console.link('Live')
  await hub.publish('t', 'note', 'before')
  await console.text('before').waitFor()
  await console.page.context().setOffline(true)
  await hub.disconnect('t')
  await hub.publish('t', 'note', 'meanwhile')
  await console.page.getByText('trying again', { exact: true }).waitFor()
  await console.page.context().setOffline(false)
  await console.text('meanwhile').waitFor()
  await console.page.locator('[data-received]', { hasText: /^2 received/ }).waitFor()
  await console.close()
})

test('a reload shows the same page', async () => {
  hub = await Hub.start()
  await hub.publish('a/b', 'note', 'kept')
  const console = await Console.open(browser, hub.url, '#/topics/a%2Fb')
  await console.text('kept').waitFor()
  await console.page.reload()
  await console.text('kept').waitFor()
  await console.close()
})

test('the view samples a thousand events a second, and the counter is exact', async () => {
  hub = await Hub.start()
  const console = await Console.open(browser, hub.url, '#/topics/t')
  await console.page.getByText('live', { exact: true }).waitFor()
  const batch = (from, count) =>
    Array.from({ length: count }, (_, index) => ({ topic: 't', event: 'tick', data: `${from + index}` }))
  for (let from = 0; from < 10_000; from += 1000) await publishAll(hub, batch(from, 1000))
  await console.page.locator('[data-received]', { hasText: /^10,000 received/ }).waitFor()
  await console.text('9999').waitFor()
  assert.match(await console.page.locator('[data-received]').textContent(), /^10,000 received/)
  const rows = await console.page.locator('[role="table"] .line').count()
  assert.ok(rows < 100, `${rows} rows are drawn`)
  await console.close()
})

test('of ten thousand topics those that are seen are drawn', async () => {
  hub = await Hub.start({ settings: { TIDINGS_LIMITS_TOPICS: '20000' } })
  const name = (index) => `many/${`${index}`.padStart(5, '0')}`
  await publishAll(
    hub,
    Array.from({ length: 10_000 }, (_, index) => ({ topic: name(index), event: 'n', data: '' })),
  )
  const console = await Console.open(browser, hub.url, '#/topics')
  await console.page.locator('[role="table"][aria-rowcount="10000"]').waitFor()
  await console.text(name(0)).waitFor()
  await console.page.locator('[role="table"]').focus()
  await console.page.keyboard.press('End')
  await console.text(name(9999)).waitFor()
  const rows = await console.page.locator('[role="table"] .line').count()
  assert.ok(rows < 100, `${rows} rows are drawn`)
  await console.page.getByRole('searchbox').fill('many/04321')
  await console.text(name(4321)).waitFor()
  await console.page.locator('[role="table"][aria-rowcount="1"]').waitFor()
  await console.close()
})
