import assert from 'node:assert/strict'

/** The pages of the console by their addresses. */
export const PAGES = {
  Overview: '#/',
  Topics: '#/topics',
  'one topic': '#/topics/orders%2F7',
  Connections: '#/connections',
  Executions: '#/executions',
  'one execution': '#/executions/none',
  Playground: '#/playground?topic=orders%2F7',
}

/** What runs as script if a page makes markup of it. */
export const MARKUP = '<img src=x onerror=globalThis.pwned=1><b>bold'

/** Whether the hub has an endpoint. */
export async function has(hub, path) {
  const answer = await fetch(`${hub.url}${path}`)
  await answer.body?.cancel()
  return answer.status !== 404
}

export function post(hub, path, body) {
  const headers = { 'Content-Type': 'application/json' }
  return fetch(`${hub.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
}

/** Publishes many events in few requests. */
export async function publishAll(hub, events) {
  for (let from = 0; from < events.length; from += 1000) {
    const lines = events.slice(from, from + 1000).map((event) => JSON.stringify(event))
    const answer = await fetch(`${hub.url}/api/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-ndjson' },
      body: lines.join('\n'),
    })
    assert.equal(answer.status, 200, await answer.text())
  }
}

/** The console in a page of a browser, and all that must not happen there. */
export class Console {
  /** Messages of errors, violations of the policy, requests to other hosts, dialogs. */
  wrongs = []
  /** Streams that are open. */
  streams = new Set()
  /** Requests to the API other than streams. */
  calls = []
  #url

  /** Opens the console of a hub, or at another address, with the options of a browser's context. */
  static async open(browser, url, hash = '#/', options = {}) {
    const context = await browser.newContext(options)
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => {
        console.error(`policy: ${violatedDirective} ${blockedURI}`)
      })
    })
    const console = new Console(await context.newPage(), url)
    await console.go(hash)
    return console
  }

  constructor(page, url) {
    this.page = page
    this.#url = url.replace(/\/?$/, '/')
    page.on('pageerror', (error) => this.wrongs.push(`${error.stack}`))
    page.on('dialog', (dialog) => {
      this.wrongs.push(`dialog: ${dialog.message()}`)
      dialog.dismiss()
    })
    page.on('console', (message) => {
      // What a hub lacks or is away for, the browser tells by itself.
      const isLoading = /Failed to load resource|ERR_/.test(message.text())
      if (message.type() === 'error' && !isLoading) this.wrongs.push(message.text())
    })
    page.on('request', (request) => {
      const { host, pathname, protocol } = new URL(request.url())
      if (protocol !== 'data:' && host !== new URL(url).host) this.wrongs.push(request.url())
      if (/\/stream$|\/events$/.test(pathname) && request.headers().accept === 'text/event-stream') {
        this.streams.add(request)
      } else if (pathname.includes('/api/')) this.calls.push(pathname)
    })
    for (const end of ['requestfinished', 'requestfailed']) {
      page.on(end, (request) => this.streams.delete(request))
    }
  }

  async go(hash) {
    await this.page.goto(`${this.#url}${hash}`)
    await this.page.locator('main').waitFor()
  }

  /** Waits until the dot says how the connection is. */
  async link(word) {
    await this.page.locator('[data-live]', { hasText: word }).waitFor()
  }

  text(text) {
    return this.page.getByText(text, { exact: true }).first()
  }

  button(name) {
    return this.page.getByRole('button', { name, exact: true })
  }

  /** Says yes to what is asked. */
  async confirm(name) {
    await this.page.getByRole('dialog').getByRole('button', { name, exact: true }).click()
    await this.page.getByRole('dialog').waitFor({ state: 'detached' })
  }

  /** How many pixels the page is wider than what shows it. */
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  }

  /** Closes the page, on which nothing went wrong. */
  async close() {
    const pwned = await this.page.evaluate(() => globalThis.pwned)
    await this.page.context().close()
    assert.deepEqual({ wrongs: this.wrongs, pwned }, { wrongs: [], pwned: undefined })
  }
}
