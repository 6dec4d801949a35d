import type { Server } from 'node:http'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

// @ts-expect-error The examples are plain JavaScript.
import { serve } from '../../examples/serve.js'
import { launch } from './launch.js'

interface Examples {
  server: Server
  activity: { note(team: string, client: object): void }
  url: string
}

let browser: Browser
let examples: Examples
let page: Page

beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser?.close())
beforeEach(async () => {
  examples = await serve()
  page = await browser.newPage()
})
afterEach(async () => {
  await page.close()
  examples.server.close()
  examples.server.closeAllConnections()
})

const shows = (selector: string, text: string) =>
  expect.poll(() => page.textContent(selector), { interval: 20 }).toContain(text)

test('the plain page follows the clients', async () => {
  await page.goto(`${examples.url}/plain`)
  await shows('ul', 'Cursor: 3 requests')
  await shows('#dot', '●')
  examples.activity.note('1', { id: 'a', client_name: 'Cursor', total_requests: 4 })
  await shows('ul', 'Cursor: 4 requests')
})

test.each(['vue', 'react'])(
  'the card in %s has a list, is empty, fails and switches',
  async (name) => {
    await page.goto(`${examples.url}/${name}`)
    await shows('section', 'Clients of team 1 ●')
    await shows('ul', 'Cursor: 3 requests')
    examples.activity.note('1', { id: 'b', client_name: 'Zed', total_requests: 1 })
    await shows('ul', 'Zed: 1 requests')

    await page.click('text=Team 2')
    await shows('section', 'No clients')
    expect(await page.textContent('section')).not.toContain('Cursor')

    await page.click('text=Team 3')
    await shows('section', '403')
    await page.click('text=Retry')
    await shows('section', '403')

    await page.click('text=Team 1')
    await shows('ul', 'Zed: 1 requests')
  },
)
