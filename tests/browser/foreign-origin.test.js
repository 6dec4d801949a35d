import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'

import { Follower, launch } from './browser.js'
import { Hub } from './hub.js'

let browser
let page
let hub
let site

before(async () => {
  hub = await Hub.start()
  await hub.publish('t', 'note', 'secret')
  site = createServer((_, answer) => {
    answer.setHeader('Content-Type', 'text/html')
    answer.end('<!doctype html><title>another site</title><iframe name="frame"></iframe>')
  })
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
  browser = await launch()
  page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${site.address().port}/`)
})
after(async () => {
  await browser?.close()
  await hub?.kill()
  site?.close()
})

test('a page of another origin cannot follow a stream', async () => {
  const url = `${hub.url}/api/events/stream?topic=t&from=start`
  const follower = await Follower.open(page, url, ['note'])
  await follower.closed()
  const { events, opens } = await follower.state()
  assert.deepEqual({ events, opens }, { events: [], opens: 0 })
})

test('a page of another origin cannot read the history', async () => {
  const outcome = await page.evaluate(async (url) => {
    try {
      return await (await fetch(url)).text()
    } catch (error) {
      return error.name
    }
  }, `${hub.url}/api/events?topic=t`)
  assert.equal(outcome, 'TypeError')
})

test('a page of another origin cannot publish or delete, by whatever way', async () => {
  const outcomes = await page.evaluate(async (hub) => {
    const publish = `${hub}/api/events?topic=t&event=forged`
    const attempts = [
      fetch(publish, { method: 'POST', body: 'forged' }),
      fetch(publish, { method: 'POST', body: 'forged', mode: 'no-cors' }),
      fetch(publish, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }),
      fetch(`${hub}/api/topics?topic=t`, { method: 'DELETE' }),
    ]
    const settled = await Promise.allSettled(attempts)
    const form = document.createElement('form')
    Object.assign(form, { method: 'post', action: publish, target: 'frame', enctype: 'text/plain' })
    document.body.append(form)
    const loaded = new Promise((resolve) => {
      document.querySelector('iframe').addEventListener('load', resolve, { once: true })
    })
    form.submit()
    await loaded
    return settled.map(({ status, value }) => (status === 'fulfilled' ? value.type : status))
  }, hub.url)
  assert.deepEqual(outcomes, ['rejected', 'opaque', 'rejected', 'rejected'])
  assert.deepEqual(await hub.history('t'), ['secret'])
})

test('a name that was pointed at this machine leads nowhere', async () => {
  const stranger = await browser.newPage()
  const answer = await stranger.goto(`http://evil.example:${hub.port}/`)
  assert.equal(answer.status(), 421)
  await stranger.close()
})
