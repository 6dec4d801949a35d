import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { launch } from './browser.js'
import { Console, MARKUP, publishAll } from './console.js'
import { Hub } from './hub.js'

let browser
let hub

before(async () => {
  browser = await launch()
  hub = await Hub.start()
})
after(async () => {
  await browser?.close()
  await hub?.kill()
})

function topicAt(topic) {
  return `#/topics/${encodeURIComponent(topic)}`
}

test('what others say is shown as text, wherever it is', async () => {
  const topic = `xss/${MARKUP}`
  await hub.publish(topic, MARKUP, JSON.stringify({ [MARKUP]: MARKUP }))
  await hub.publish(topic, 'plain', MARKUP)
  const console = await Console.open(browser, hub.url, '#/topics')
  await console.text(topic).click()
  await console.page.locator('.choose', { hasText: MARKUP }).nth(1).waitFor()
  for (const row of await console.page.locator('.choose').all()) {
    await row.click()
    await console.page.locator('pre[aria-label="Data"]').waitFor()
  }
  await console.page.getByRole('tab', { name: 'Readers' }).click()
  await console.page.getByRole('link', { name: /among the connections/ }).waitFor()
  await console.go('#/')
  await console.go(`#/playground?topic=${encodeURIComponent(topic)}`)
  for (const name of ['curl', 'Rust', 'TypeScript', 'Vue', 'EventSource']) {
    await console.page.getByRole('tab', { name, exact: true }).click()
  }
  await console.button('Open').click()
  await console.page.locator('.source', { hasText: '2 received' }).waitFor()
  assert.equal(await console.page.locator('main img').count(), 0)
  await console.close()
})

test('events come, can be told apart, paused, and looked at', async () => {
  const console = await Console.open(browser, hub.url, topicAt('feed'))
  await console.page.getByText('live', { exact: true }).waitFor()
  await publishAll(hub, [
    { topic: 'feed', event: 'a', data: { number: 1 } },
    { topic: 'feed', event: 'b', data: { number: 2, text: 'needle' } },
  ])
  await console.text('{"number":1}').waitFor()
  await console.page.getByRole('combobox').selectOption('b')
  await console.text('{"number":1}').waitFor({ state: 'detached' })
  await console.page.getByRole('combobox').selectOption('')
  await console.page.getByRole('searchbox').fill('NEEDLE')
  await console.text('{"number":1}').waitFor({ state: 'detached' })
  await console.page.getByRole('searchbox').fill('')
  await console.text('{"number":1}').click()
  await console.page.locator('pre[aria-label="Data"]', { hasText: '"number": 1' }).waitFor()

  await console.button('Pause').click()
  await hub.publish('feed', 'c', 'unseen')
  await console.button('1 new').waitFor()
  assert.equal(await console.text('unseen').count(), 0)
  await console.button('Go on').click()
  await console.text('unseen').waitFor()
  await console.close()
})

test('history is paged back to the first event, each event once', async () => {
  const other = Array.from({ length: 3000 }, () => ({ topic: 'noise', event: 'n', data: '' }))
  const own = (from, to) =>
    Array.from({ length: to - from }, (_, index) => ({ topic: 'long', event: 'n', data: `${from + index}` }))
  await publishAll(hub, [...own(0, 300), ...other, ...own(300, 900)])
  const console = await Console.open(browser, hub.url, topicAt('long'))
  await console.text('899').waitFor()
  for (let pages = 0; pages < 20; pages += 1) {
    const more = console.button('Load earlier')
    const start = console.page.getByText('from the beginning')
    await more.or(start).first().waitFor()
    if (await start.count()) break
    await more.click()
    await console.button('Loading').waitFor({ state: 'detached' })
  }
  await console.page.locator('[role="table"][aria-rowcount="900"]').waitFor()
  await console.page.locator('[role="table"]').press('Home')
  await console.text('0').waitFor()
  await console.close()
})

test('an event is published, also the last one, and a topic is deleted, both after a question', async () => {
  const console = await Console.open(browser, hub.url, topicAt('made/here'))
  await console.page.getByText('live', { exact: true }).waitFor()
  await console.page.getByLabel('Event type').last().fill('greeting')
  await console.page.getByLabel('Data', { exact: true }).fill('hello there')
  await console.button('Publish').click()
  await console.text('hello there').waitFor()

  await console.page.getByLabel('final: ends the topic').check()
  await console.button('Publish').click()
  await console.page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click()
  assert.equal((await hub.history('made/here')).length, 1)
  await console.button('Publish').click()
  await console.confirm('Publish and end')
  await console.page.getByText('ended', { exact: true }).first().waitFor()

  await console.button('Publish').click()
  await console.page.getByRole('status').filter({ hasText: /ended/ }).first().waitFor()

  await console.button('Delete…').click()
  await console.confirm('Delete')
  await console.page.locator('[role="table"][aria-rowcount="0"]').waitFor()
  assert.deepEqual(await hub.history('made/here'), [])
  await console.close()
})

test('a topic with no literal name is read and not written', async () => {
  await hub.publish('wild/1', 'n', 'one')
  const console = await Console.open(browser, hub.url, topicAt('wild/*'))
  await console.text('wild/1').waitFor()
  assert.equal(await console.button('Publish').isDisabled(), true)
  assert.equal(await console.button('Delete…').count(), 0)
  await console.close()
})

test('readers are listed, filtered by topic, and disconnected after a question', async () => {
  const stop = new AbortController()
  const open = (topic) =>
    fetch(`${hub.url}/api/events/stream?topic=${topic}`, {
      signal: stop.signal,
      headers: { 'User-Agent': `reader of ${topic} ${MARKUP}` },
    })
  const streams = await Promise.all([open('read/a'), open('read/b')])
  const console = await Console.open(browser, hub.url, '#/connections')
  await console.text('read/a').waitFor()
  await console.text('read/b').waitFor()
  await console.page.getByRole('textbox', { name: 'Topic' }).fill('read/a')
  await console.page.keyboard.press('Enter')
  await console.page.locator('[role="table"][aria-rowcount="1"]').waitFor()
  await console.page.getByRole('button', { name: /^Disconnect/ }).click()
  await console.confirm('Disconnect')
  const text = await streams[0].text()
  assert.match(text, /tidings\.goodbye/)
  await console.page.getByText('Nobody like that is connected.').waitFor()
  stop.abort()
  await console.close()
})

test('what clients call themselves and who they are is shown as text', async () => {
  const stop = new AbortController()
  const reader = { signal: stop.signal, headers: { 'User-Agent': MARKUP } }
  await fetch(`${hub.url}/api/events/stream?topic=named`, reader)
  const console = await Console.open(browser, hub.url, topicAt('named'))
  await console.page.getByRole('tab', { name: 'Readers' }).click()
  await console.text(MARKUP).waitFor()

  // Whatever a hub may tell of an identity, the page does not take it for markup.
  const { connections } = await (await fetch(`${hub.url}/api/connections?topic=named`)).json()
  const named = connections.map((one) => ({ ...one, identity: MARKUP, remote: MARKUP, topics: [MARKUP] }))
  const body = JSON.stringify({ connections: named, total: named.length })
  await console.page.route(/\/api\/connections/, (route) =>
    route.request().url().includes('/stream')
      ? route.fulfill({ contentType: 'text/event-stream', body: `event: connections\ndata: ${body}\n\n` })
      : route.fulfill({ contentType: 'application/json', body }),
  )
  const filter = encodeURIComponent(MARKUP)
  await console.go(`#/connections?topic=${filter}&identity=${filter}`)
  await console.text(MARKUP).waitFor()
  await console.page.getByRole('button', { name: `Disconnect ${MARKUP}` }).first().click()
  await console.page.getByRole('dialog').getByText(MARKUP).waitFor()
  await console.page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click()
  await console.page.getByRole('searchbox').fill(`${MARKUP} and more`)
  await console.page.getByText(`“${MARKUP} and more”`).waitFor()
  assert.equal(await console.page.locator('img').count(), 0)
  stop.abort()
  await console.close()
})

test('the playground shows what its own EventSource hears', async () => {
  const console = await Console.open(browser, hub.url, '#/playground?topic=play%2Fground')
  await console.button('Open').click()
  await console.page.locator('.source').getByText('live', { exact: true }).waitFor()
  await console.page.getByLabel('Event type').fill('ping')
  await console.button('Publish').click()
  await console.page.locator('.source [role="row"]', { hasText: 'ping' }).waitFor()
  await console.page.getByRole('tab', { name: 'curl', exact: true }).click()
  await console.page.locator('pre', { hasText: 'topic=play%2Fground' }).first().waitFor()
  await console.page.keyboard.press('ArrowRight')
  await console.page.getByRole('tab', { name: 'Rust', selected: true }).waitFor()
  await console.close()
})
