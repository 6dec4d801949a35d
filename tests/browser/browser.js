import { chromium } from 'playwright-core'

/** Starts the system's Chromium. `evil.example` is this machine, as if its owner had said so. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP evil.example 127.0.0.1',
    ],
  })
}

/** A native EventSource in a page, with all that happened to it. */
export class Follower {
  #page
  #requests = 0

  constructor(page, url) {
    this.#page = page
    page.on('request', (request) => {
      if (request.url() === url) this.#requests += 1
    })
  }

  /** Opens `url` in the page and collects events of these types. */
  static async open(page, url, types) {
    const follower = new Follower(page, url)
    await page.evaluate(
      ([url, types]) => {
        const source = new EventSource(url)
        const seen = { source, events: [], opens: 0, errors: 0 }
        source.onopen = () => (seen.opens += 1)
        source.onerror = () => (seen.errors += 1)
        for (const type of types) {
          source.addEventListener(type, (event) => {
            seen.events.push({ type, data: event.data, id: event.lastEventId })
          })
        }
        globalThis.seen = seen
      },
      [url, types],
    )
    return follower
  }

  /** Waits until the stream is open for the `count`th time. */
  async opened(count = 1) {
    await this.#page.waitForFunction((count) => globalThis.seen.opens >= count, count)
  }

  /** Waits until the browser has given up on the stream. */
  async closed() {
    await this.#page.waitForFunction(
      () => globalThis.seen.source.readyState === EventSource.CLOSED,
    )
  }

  /** Waits until an event with this data has arrived and returns all events until now. */
  async received(data) {
    await this.#page.waitForFunction(
      (data) => globalThis.seen.events.some((event) => event.data === data),
      data,
    )
    return (await this.state()).events
  }

  /** What has happened until now. */
  async state() {
    const state = await this.#page.evaluate(() => {
      const { source, events, opens, errors } = globalThis.seen
      return { readyState: source.readyState, events, opens, errors }
    })
    return { ...state, requests: this.#requests }
  }
}
