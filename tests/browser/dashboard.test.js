import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { launch } from './browser.js'
import { Example } from './example.js'

let browser
let app

before(async () => {
  browser = await launch()
  app = await Example.start('tidings-example-dashboard')
})
after(async () => {
  await browser?.close()
  await app?.kill()
})

test('the dashboard of an application shows what is broadcast, also to a page that opens late', async () => {
  const deploy = (service) => fetch(`${app.url}/deployments/${service}`, { method: 'POST' })
  const early = await browser.newPage()
  await early.goto(app.url)
  await early.getByText('live', { exact: true }).waitFor()
  await early.waitForFunction(() => document.querySelector('meter').value > 0)
  await deploy('shop')
  await early.getByText('shop was deployed').waitFor()

  const late = await browser.newPage()
  await late.goto(app.url)
  await late.getByText('shop was deployed').waitFor()
  await late.getByText('shop', { exact: true }).waitFor()

  app = await app.restart(() => early.getByText('away', { exact: true }).waitFor())
  await early.getByText('live', { exact: true }).waitFor()
  await deploy('mail')
  await early.getByText('mail was deployed').waitFor()
  assert.equal(await early.getByRole('listitem').count(), 2)
})
