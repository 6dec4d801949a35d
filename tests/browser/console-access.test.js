import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { ALL, ask, GUARDED, mint } from './access.js'
import { launch } from './browser.js'
import { Console } from './console.js'
import { Hub } from './hub.js'

let browser
let hub
let all

before(async () => {
  browser = await launch()
  hub = await Hub.start({ settings: GUARDED })
  all = mint(...ALL)
  for (const topic of ['a/1', 'b/1']) await publish(topic, 'before')
})
after(async () => {
  await browser?.close()
  await hub?.kill()
})

async function publish(topic, data) {
  const answer = await ask(hub, all, `/api/events?topic=${topic}&event=note`, { method: 'POST', body: data })
  assert.equal(answer.status, 200, await answer.text())
}

function revoke(identity) {
  const headers = { 'Content-Type': 'application/json' }
  const body = JSON.stringify({ identity })
  return ask(hub, all, '/api/revocations', { method: 'POST', headers, body })
}

/** The panel in which somebody signs in. */
function panel(console) {
  return console.page.getByRole('dialog', { name: 'Sign in' })
}

async function signIn(console, token) {
  await console.page.getByLabel('Token or API key').fill(token)
  await console.button('Sign in').click()
}

/** Opens the console as whoever has this token. */
async function open(token, hash) {
  const console = await Console.open(browser, hub.url, hash)
  await signIn(console, token)
  await panel(console).waitFor({ state: 'detached' })
  return console
}

test('a hub with a key asks who is there, says what is wrong, and lets in who may come', async () => {
  const console = await Console.open(browser, hub.url)
  const urls = []
  console.page.on('request', (request) => urls.push(request.url()))
  await panel(console).getByText('This hub lets in who shows a token or an API key.').waitFor()
  await console.page.keyboard.press('Escape')
  await console.page.keyboard.press('Escape')
  await signIn(console, 'nonsense')
  await panel(console).getByText('the credentials are missing or not valid').waitFor()
  const field = console.page.getByLabel('Token or API key')
  assert.equal(await field.inputValue(), 'nonsense')
  assert.equal(await field.getAttribute('type'), 'password')
  await console.button('Show').click()
  assert.equal(await field.getAttribute('type'), 'text')

  await signIn(console, all)
  await console.link('Live')
  await console.text('Everything works').waitFor()
  const kept = () =>
    console.page.evaluate(() => [sessionStorage, localStorage].map((one) => Object.values(one)))
  const [session, local] = await kept()
  assert.deepEqual([session, local.includes(all)], [[all], false])
  await console.page.reload()
  await console.link('Live')
  assert.equal(await panel(console).count(), 0)
  await console.button('Sign out').click()
  await panel(console).waitFor()
  assert.deepEqual((await kept())[0], [])
  assert.ok(urls.every((url) => !url.includes(all)))
  await console.close()
})

test('a token that expires brings the panel back, and with another the page goes on where it was', async () => {
  const console = await open(mint(...ALL, '--expires', '8s'), '#/topics/a%2F1')
  await console.text('before').waitFor()
  await console.page.getByRole('searchbox').fill('e')
  await panel(console).getByText(/expired/).waitFor()
  await publish('a/1', 'meanwhile')
  await signIn(console, all)
  await console.text('meanwhile').waitFor()
  await console.page.locator('[data-received]', { hasText: /^2 received/ }).waitFor()
  assert.equal(await console.page.getByRole('searchbox').inputValue(), 'e')
  assert.equal(await console.page.getByText('tidings.gap').count(), 0)
  await console.link('Live')
  await console.close()
})

test('who is revoked is told so, and signs in as somebody else', async () => {
  const console = await open(mint(...ALL, '--identity', 'gone'), '#/topics')
  await console.text('b/1').waitFor()
  await revoke('gone')
  await panel(console).getByText(/revoked/).waitFor()
  await signIn(console, mint(...ALL, '--identity', 'gone'))
  await panel(console).getByText('the credentials are missing or not valid').waitFor()
  await signIn(console, all)
  await console.link('Live')
  await publish('c/1', 'after')
  await console.text('c/1').waitFor()
  await console.close()
})

test('what needs the admin right says so, asks once, and others can be shown', async () => {
  const reader = mint('--subscribe', '**', '--publish', 'a/**', '--identity', 'reader')
  const console = await open(reader, '#/topics/b%2F1')
  await console.link('Live')
  await console.text('before').waitFor()
  await console.button('Publish').click()
  await console.page.getByText('these credentials give no right to publish on b/1').waitFor()
  await console.button('Delete…').click()
  await console.confirm('Delete')
  await console.page.getByRole('alert').getByText(/this needs the admin right/).waitFor()
  assert.equal((await (await ask(hub, all, '/api/events?topic=b/1')).json()).events.length, 1)

  await console.page.clock.install()
  await console.go('#/connections')
  await console.page.getByRole('alert').getByText(/this needs the admin right/).waitFor()
  const asked = () => console.calls.filter((path) => path.includes('/api/connections')).length
  const before = asked() + console.streams.size
  await console.page.clock.runFor(60_000)
  await console.link('Live')
  assert.equal(asked() + console.streams.size, before)
  assert.ok(before <= 4, `${before} requests`)

  await console.button('Sign in with others…').click()
  await console.button('Cancel').click()
  await panel(console).waitFor({ state: 'detached' })
  await console.button('Sign in with others…').click()
  await signIn(console, all)
  await console.text('tidings/dashboard/**').waitFor()
  await console.close()
})

test('who may read some topics sees those, and what the hub says of the rest', async () => {
  const console = await open(mint('--subscribe', 'a/*'), '#/')
  await console.page.getByRole('alert').getByText(/dashboards need the admin right/).waitFor()
  await console.link('Live')
  await console.go('#/topics')
  await console.text('a/1').waitFor()
  assert.equal(await console.text('b/1').count(), 0)
  await console.go('#/topics/b%2F1')
  await console.page.getByRole('alert').getByText(/no right to subscribe to b\/1/).waitFor()
  await console.go('#/playground?topic=a%2F1')
  await console.button('Open').click()
  await console.page.locator('.source [role="row"]', { hasText: 'before' }).waitFor()
  await console.close()
})

test('an identity is revoked where its streams are listed, after a question', async () => {
  const stop = new AbortController()
  const leaving = mint('--subscribe', '**', '--identity', 'leaving')
  const stream = await ask(hub, leaving, '/api/events/stream?topic=a/1', { signal: stop.signal })
  const console = await open(all, '#/connections')
  await console.button('Revoke identity leaving').click()
  await console.confirm('Revoke')
  assert.match(await stream.text(), /"reason":"revoked"/)
  await console.button('Revoke identity leaving').waitFor({ state: 'detached' })
  assert.equal((await ask(hub, leaving, '/api/topics')).status, 401)
  stop.abort()
  await console.close()
})
