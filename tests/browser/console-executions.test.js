import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { launch } from './browser.js'
import { Console, has, MARKUP, post } from './console.js'
import { Hub } from './hub.js'

let browser
let hub
let hasExecutions

before(async () => {
  browser = await launch()
  hub = await Hub.start()
  hasExecutions = await has(hub, '/api/executions')
})
after(async () => {
  await browser?.close()
  await hub?.kill()
})

/** Makes an execution with two tasks, of which the first has run. */
async function begin(id) {
  const tasks = [
    { id: 'a', title: `First ${MARKUP}` },
    { id: 'b', title: 'Second' },
  ]
  assert.equal((await post(hub, '/api/executions', { id, title: `Run ${MARKUP}`, tasks })).status, 201)
  await tell(id, 'execution-start', { totalTasks: 2 })
  await tell(id, 'task-start', { taskId: 'a' })
  await tell(id, 'worker-start', { taskId: 'a', attemptNumber: 1 })
  await tell(id, 'worker-complete', { taskId: 'a', duration: 20, toolCalls: 3 })
  await tell(id, 'qc-start', { taskId: 'a', attemptNumber: 1 })
  const gap = { feedback: `Not enough ${MARKUP}`, issues: ['an issue'], requiredFixes: ['a fix'] }
  await tell(id, 'qc-complete', { taskId: 'a', attemptNumber: 1, passed: false, score: 40, gap })
  await tell(id, 'worker-start', { taskId: 'a', attemptNumber: 2, isRetry: true })
  await tell(id, 'worker-complete', { taskId: 'a', duration: 20, toolCalls: 1 })
  await tell(id, 'qc-start', { taskId: 'a', attemptNumber: 2 })
  await tell(id, 'qc-complete', { taskId: 'a', attemptNumber: 2, passed: true, score: 91 })
  await tell(id, 'task-complete', { taskId: 'a' })
}

async function tell(id, event, data) {
  const answer = await post(hub, `/api/executions/${id}/events`, { event, data })
  assert.equal(answer.status, 200, await answer.text())
}

function say(id, line, stream = 'stdout') {
  return tell(id, 'output', { stream, line })
}

test('an execution is followed from its list to its end', async (t) => {
  if (!hasExecutions) return t.skip('the hub has no executions')
  await begin('watched')
  const console = await Console.open(browser, hub.url, '#/executions')
  await console.page.getByText('1 of 2 tasks').first().waitFor()
  await console.page.getByRole('link', { name: `Run ${MARKUP}` }).first().click()
  await console.page.getByText('1 of 2', { exact: true }).waitFor()

  await say('watched', '\u001b[1;31mred\u001b[0m and plain')
  const red = console.page.locator('.text span', { hasText: /^red$/ })
  await red.waitFor()
  assert.equal(await red.evaluate((span) => getComputedStyle(span).fontWeight), '700')

  await console.page.getByRole('button', { name: /First/ }).click()
  await console.page.getByText('not passed, 40').waitFor()
  await console.page.getByText('a fix', { exact: true }).waitFor()

  await tell('watched', 'task-start', { taskId: 'b' })
  await tell('watched', 'task-fail', { taskId: 'b', error: `broke ${MARKUP}` })
  await tell('watched', 'execution-failed', { exit_code: 3, duration_ms: 1234, message: MARKUP })
  await console.text('Failed').waitFor()
  await console.page.getByText('Exit code').waitFor()
  assert.equal(await console.button('Cancel…').count(), 0)
  await console.close()
})

test('who comes late or reloads sees the same', async (t) => {
  if (!hasExecutions) return t.skip('the hub has no executions')
  await begin('late')
  for (let number = 1; number <= 30; number += 1) await say('late', `line ${number}`)
  const console = await Console.open(browser, hub.url, '#/executions/late')
  const seen = async () => {
    await console.text('line 30').waitFor()
    await console.page.getByText('1 of 2', { exact: true }).waitFor()
    return console.page.locator('.log .text').allTextContents()
  }
  const first = await seen()
  await console.page.reload()
  assert.deepEqual(await seen(), first)
  await tell('late', 'execution-complete', { exit_code: 0 })
  await console.text('Completed').first().waitFor()
  await console.page.reload()
  await console.text('line 30').waitFor()
  await console.text('Completed').first().waitFor()
  await console.close()
})

test('output is followed until somebody scrolls away', async (t) => {
  if (!hasExecutions) return t.skip('the hub has no executions')
  await begin('scrolled')
  for (let number = 1; number <= 100; number += 1) await say('scrolled', `line ${number}`)
  const console = await Console.open(browser, hub.url, '#/executions/scrolled')
  await console.text('line 100').waitFor()
  const follow = console.button('Follow')
  assert.equal(await follow.getAttribute('aria-pressed'), 'true')
  await console.page.getByRole('table', { name: 'Output' }).press('Home')
  await console.text('line 1').waitFor()
  assert.equal(await follow.getAttribute('aria-pressed'), 'false')
  await say('scrolled', 'the last line')
  await console.page.getByText('112 lines').waitFor()
  assert.equal(await console.text('the last line').count(), 0)
  await follow.click()
  await console.text('the last line').waitFor()
  await console.close()
})

test('a running execution is cancelled after a question', async (t) => {
  if (!hasExecutions) return t.skip('the hub has no executions')
  await begin('cancelled')
  const console = await Console.open(browser, hub.url, '#/executions/cancelled')
  await console.button('Cancel…').click()
  await console.page.getByRole('dialog').getByRole('button', { name: 'Keep' }).click()
  await console.text('Running').waitFor()
  await console.button('Cancel…').click()
  await console.confirm('Cancel it')
  await console.text('Cancelled').waitFor()
  await console.close()
})

test('an execution that nobody knows is shown as what was published', async () => {
  await hub.publish('executions/unknown', 'message', 'a stray event')
  const console = await Console.open(browser, hub.url, '#/executions/unknown')
  await console.page.locator('.log .text').first().waitFor()
  await console.close()
})
