import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { after, before, test } from 'node:test'

import { launch } from './browser.js'
import { Console, has, PAGES, post, publishAll } from './console.js'
import { Hub } from './hub.js'

let browser
let hub

before(async () => {
  browser = await launch()
  hub = await Hub.start()
  const events = Array.from({ length: 30 }, (_, index) => ({
    topic: `orders/${index % 10}`,
    event: 'changed',
    data: { index },
  }))
  await publishAll(hub, events)
  const tasks = ['one', 'two'].map((id) => ({ id, title: `Task ${id}` }))
  await post(hub, '/api/executions', { id: 'shown', title: 'An execution', tasks })
  await post(hub, '/api/executions/shown/events', { event: 'task-start', data: { taskId: 'one' } })
})
after(async () => {
  await browser?.close()
  await hub?.kill()
})

for (const colorScheme of ['light', 'dark']) {
  for (const viewport of [
    { width: 360, height: 740 },
    { width: 1280, height: 800 },
  ]) {
    test(`every page is there, ${colorScheme} and ${viewport.width} pixels wide`, async () => {
      const console = await Console.open(browser, hub.url, '#/', { colorScheme, viewport })
      await console.link('Live')
      for (const [name, hash] of Object.entries(PAGES)) {
        await console.go(hash)
        await console.page.locator('main .page').waitFor()
        assert.equal(await console.overflow(), 0, `${name} is wider than the screen`)
      }
      const ground = await console.page.evaluate(() => getComputedStyle(document.body).backgroundColor)
      const [red] = ground.match(/\d+/g).map(Number)
      assert.equal(red < 128, colorScheme === 'dark', ground)
      await console.close()
    })
  }
}

/** What is there once a page has got what it asked for. */
const ARRIVED = {
  '#/': 'Everything works',
  '#/topics': 'orders/7',
  '#/topics/orders%2F7': '{"index":7}',
  '#/connections': 'tidings/dashboard/**',
  '#/executions': 'An execution',
  '#/executions/shown': 'Task one',
  '#/playground?topic=orders%2F7': 'Open it, and publish something.',
}

/** How far what is seen may move, as browsers score it: what moves by so little, nobody notices. */
const STILL = 0.05

for (const viewport of [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
]) {
  test(`nothing moves when figures come, ${viewport.width} pixels wide`, async (t) => {
    if (!(await has(hub, '/api/dashboard'))) return t.skip('the hub has no dashboards')
    for (const [hash, text] of Object.entries(ARRIVED)) {
      const console = await Console.open(browser, hub.url, '#/nowhere', { viewport })
      await console.page.addInitScript(() => {
        globalThis.moved = 0
        const observer = new PerformanceObserver((list) => {
          for (const { value } of list.getEntries()) globalThis.moved += value
        })
        observer.observe({ type: 'layout-shift', buffered: true })
      })
      await console.page.evaluate((hash) => history.replaceState(null, '', hash), hash)
      await console.page.reload()
      await console.link('Live')
      await console.page.getByText(text, { exact: true }).first().waitFor()
      // Shifts are told after the frame in which they are seen.
      const moved = await console.page.evaluate(
        () =>
          new Promise((resolve) => {
            requestAnimationFrame(() => setTimeout(() => resolve(globalThis.moved)))
          }),
      )
      assert.ok(moved < STILL, `${hash} moves by ${moved}`)
      await console.close()
    }
  })
}

test('whoever goes by Tab sees where they are', async () => {
  const console = await Console.open(browser, hub.url)
  for (const [name, hash] of Object.entries(PAGES)) {
    await console.go(hash)
    await console.page.locator('main .page').waitFor()
    for (let stop = 1; stop <= 15; stop += 1) {
      await console.page.keyboard.press('Tab')
      const seen = await console.page.evaluate(() => {
        const { activeElement } = document
        const { outlineStyle, outlineWidth } = getComputedStyle(activeElement)
        const isMarked = outlineStyle !== 'none' && outlineWidth !== '0px'
        const isNowhere = activeElement === document.body
        return isMarked || isNowhere ? '' : activeElement.outerHTML
      })
      assert.equal(seen, '', `${name}, stop ${stop}`)
    }
  }
  await console.close()
})

test('everything that can be used has a name', async () => {
  const console = await Console.open(browser, hub.url)
  for (const [name, hash] of Object.entries(PAGES)) {
    await console.go(hash)
    await console.page.locator('main .page').waitFor()
    const nameless = await console.page.evaluate(() =>
      [...document.querySelectorAll('button, a, input, select, textarea, [role="table"], [role="img"]')]
        .filter((element) => {
          const label = element.labels?.[0]?.textContent ?? ''
          const given = element.getAttribute('aria-label') ?? element.title
          return !`${given}${label}${element.textContent}`.trim()
        })
        .map((element) => element.outerHTML),
    )
    assert.deepEqual(nameless, [], name)
  }
  await console.close()
})

test('keys lead to pages, to the search, and to the help', async () => {
  const console = await Console.open(browser, hub.url)
  const { keyboard } = console.page
  for (const [key, name] of [
    ['t', 'Topics'],
    ['c', 'Connections'],
    ['e', 'Executions'],
    ['p', 'Playground'],
    ['o', 'Overview'],
  ]) {
    await keyboard.press('g')
    await keyboard.press(key)
    await console.page.locator('nav a[aria-current]', { hasText: name }).waitFor()
  }
  await keyboard.press('g')
  await keyboard.press('t')
  await console.text('orders/7').waitFor()
  await keyboard.press('/')
  await keyboard.type('orders/7?')
  const search = console.page.getByRole('searchbox', { name: 'Search topics' })
  assert.equal(await search.inputValue(), 'orders/7?')
  await search.fill('orders/7')
  await console.page.locator('[role="table"][aria-rowcount="1"]').waitFor()
  await console.page.getByRole('link', { name: 'orders/7' }).focus()
  await keyboard.press('?')
  await console.page.getByRole('dialog', { name: 'Keys' }).waitFor()
  await keyboard.press('Escape')
  await console.page.getByRole('dialog').waitFor({ state: 'detached' })
  await console.close()
})

test('what is closed gives the focus back', async () => {
  const console = await Console.open(browser, hub.url, '#/topics/orders%2F7')
  const focused = () =>
    console.page.evaluate(() => {
      const { ariaLabel, textContent } = document.activeElement
      return ariaLabel ?? textContent
    })
  for (const name of ['Delete…', 'Keys']) {
    await console.button(name).focus()
    await console.page.keyboard.press('Enter')
    await console.page.getByRole('dialog').waitFor()
    await console.page.keyboard.press('Escape')
    await console.page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await focused(), name)
  }
  const notifications = console.page.getByRole('region', { name: 'All notifications' })
  await console.page.getByRole('link', { name: 'Tidings' }).focus()
  await console.page.keyboard.press('n')
  await notifications.waitFor()
  await console.page.keyboard.press('Escape')
  await notifications.waitFor({ state: 'detached' })
  assert.equal(await focused(), 'Notifications')
  await console.close()
})

test('a theme that was chosen stays chosen', async () => {
  const console = await Console.open(browser, hub.url, '#/', { colorScheme: 'dark' })
  await console.button('Theme: auto').click()
  await console.page.reload()
  await console.button('Theme: light').waitFor()
  const theme = await console.page.evaluate(() => document.documentElement.dataset.theme)
  assert.equal(theme, 'light')
  await console.close()
})

test('a tab has two streams at most, whatever is looked at', async () => {
  const console = await Console.open(browser, hub.url)
  for (const [name, hash] of Object.entries({ ...PAGES, again: '#/' })) {
    await console.page.evaluate((hash) => {
      location.hash = hash
    }, hash)
    await console.page.locator('main .page').waitFor()
    await console.link('Live')
    assert.ok(console.streams.size <= 2, `${name}: ${[...console.streams].map((one) => one.url())}`)
  }
  await console.close()
})

test('the console works behind a path of a proxy', async () => {
  const PREFIX = '/tools/tidings'
  const proxy = createServer((asked, answer) => {
    if (!asked.url.startsWith(`${PREFIX}/`)) {
      answer.writeHead(404).end()
      return
    }
    const { method, headers } = asked
    const path = asked.url.slice(PREFIX.length)
    const onward = request({ host: '127.0.0.1', port: hub.port, path, method, headers }, (given) => {
      answer.writeHead(given.statusCode, given.headers)
      given.pipe(answer)
    })
    onward.on('error', () => answer.destroy())
    answer.on('close', () => onward.destroy())
    asked.pipe(onward)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const url = `http://127.0.0.1:${proxy.address().port}${PREFIX}/`
  const console = await Console.open(browser, url, '#/topics')
  await console.link('Live')
  await console.text('orders/7').click()
  await console.page.locator('[data-received]', { hasText: '3 received' }).waitFor()
  await console.button('Publish').click()
  await console.page.locator('[data-received]', { hasText: '4 received' }).waitFor()
  assert.deepEqual((await hub.history('orders/7')).at(-1), '{"hello": "world"}')
  await console.close()
  proxy.closeAllConnections()
  proxy.close()
})
