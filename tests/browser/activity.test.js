import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, test } from 'node:test'

import { launch } from './browser.js'
import { Example } from './example.js'

const STREAM = /\/client-activity\/stream/

let browser
let app
let page
let strangers

before(async () => {
  browser = await launch()
})
after(() => browser?.close())
beforeEach(async () => {
  app = await Example.start('activity')
  page = await browser.newPage()
  page.setDefaultTimeout(15_000)
  strangers = []
  page.on('request', (request) => {
    const { host, protocol } = new URL(request.url())
    if (protocol !== 'data:' && host !== new URL(app.url).host) strangers.push(request.url())
  })
  page.on('pageerror', (error) => strangers.push(error.stack))
})
afterEach(async () => {
  await page?.close()
  await app?.kill()
  assert.deepEqual(strangers, [])
})

const status = (text) => page.getByRole('status').getByText(text, { exact: true }).waitFor()
const clients = () => page.getByRole('list', { name: 'Clients' }).getByRole('listitem')

/** Waits until the list shows another text, as the satellite goes on writing. */
async function changes() {
  const list = page.getByRole('list', { name: 'Clients' })
  const before = await list.textContent()
  await page.waitForFunction(
    (before) => document.querySelector('[aria-label="Clients"]')?.textContent !== before,
    before,
  )
}

test('the plain page lists clients, says that none is there, and comes back with the program', async () => {
  await page.goto(app.url)
  await clients().first().waitFor()
  await status('Live')
  await changes()

  app = await app.restart(() => status('Reconnecting'))
  await status('Live')

  await page.getByRole('link', { name: 'Team 7' }).click()
  await status('Live, but no client is active')
  assert.equal(await clients().count(), 0)

  await page.goto(`${app.url}/?team=999`)
  await status('Refused')
})

for (const path of ['/vue/', '/react/']) {
  const card = () => page.getByRole('region', { name: 'Client connections' })
  const alert = (text) => card().getByRole('alert').filter({ hasText: text }).waitFor()
  const retry = () => card().getByRole('button', { name: 'Retry' }).click()
  const choose = (label) => page.getByLabel('Team').selectOption({ label })

  test(`${path} loads, lists, follows, and switches teams`, async () => {
    let release
    const held = new Promise((resolve) => {
      release = resolve
    })
    await page.route(STREAM, async (route) => {
      await held
      await route.continue()
    })
    await page.goto(app.url + path)
    await card().getByText('Loading', { exact: true }).waitFor()
    release()
    await clients().first().waitFor()
    await status('Live')
    assert.equal(await card().getByText('Loading').count(), 0)
    await changes()
    const logs = page.getByRole('list', { name: 'Lines' }).getByRole('listitem')
    await logs.first().waitFor()

    await choose('Team 7')
    await card().getByText('No client has been active lately.').waitFor()
    assert.equal(await clients().count(), 0)

    await choose('Team 999 (not yours)')
    await alert('403 you do not belong to this team')
    await status('Not connected')
    await retry()
    await alert('403 you do not belong to this team')

    await choose('Team 123')
    await clients().first().waitFor()
    assert.equal(await card().getByRole('alert').count(), 0)
  })

  test(`${path} says what failed, and Retry heals it`, async () => {
    // A 403 is final, so nothing but the button asks again.
    await page.route(STREAM, (route) => route.fulfill({ status: 403, body: 'broken' }))
    await page.goto(app.url + path)
    await alert('403')
    assert.equal(await clients().count(), 0)
    await page.unroute(STREAM)
    await retry()
    await clients().first().waitFor()
    await status('Live')
  })

  test(`${path} keeps what it shows while the program is away, and goes on when it is back`, async () => {
    await page.goto(app.url + path)
    await clients().first().waitFor()
    // For the pauses between attempts alone, which begin from now on.
    await page.clock.install()
    app = await app.restart(async () => {
      await alert('no connection')
      assert.notEqual(await clients().count(), 0)
    })
    await page.clock.fastForward(60_000)
    await status('Live')
    await clients().first().waitFor()
    await changes()

    app = await app.restart(async () => {
      await status('Not connected')
      await choose('Team 7')
      await alert('no connection')
      assert.equal(await clients().count(), 0)
    })
    await retry()
    await card().getByText('No client has been active lately.').waitFor()
    assert.equal(await card().getByRole('alert').count(), 0)
  })
}
