import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { lead } from '../../src/shared/leader.js'
import { type Call, settle } from '../fake-fetch.js'
import { SmallHub } from './small-hub.js'
import {
  beginWithoutTabs,
  event,
  follow,
  hello,
  nth,
  RESUMED,
  streams,
  tab,
  told,
  until,
} from './tabs.js'

beginWithoutTabs()

test('when the leading tab closes another goes on from where each has got to, once', async () => {
  const leading = tab()
  const one = follow(leading, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['a'])
  await until(() => two.states.includes('open'))
  stream.send(event(1, 'a')).send(event(2, 'a'))
  await until(() => two.seen.length === 2)
  leading.close()
  const next = await nth(streams, 1)
  expect(stream.aborted).toBe(true)
  expect(next.header('last-event-id')).toBe('e-2')
  hello(next, 'e-2').send(event(2, 'a')).send(event(3, 'a'))
  await until(() => two.seen.includes('3'))
  expect(two.seen.filter((data) => !data.startsWith('('))).toEqual(['1', '2', '3'])
})

test('a tab that is new when the leader changes costs the others nothing', async () => {
  const leading = tab()
  const one = follow(leading, ['a'])
  const stream = hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  const fresh = tab()
  const two = follow(tab(), ['a'])
  await until(() => two.states.includes('open'))
  stream.send(event(1, 'a')).send(event(2, 'a'))
  await until(() => two.seen.length >= 2)
  // The fresh tab leads, and is the first to say what it wants.
  leading.close()
  follow(fresh, ['a'])
  await until(() => streams().at(-1)?.header('last-event-id') === 'e-2')
  hello(streams().at(-1) as Call, 'e-2')
    .send(event(3, 'a'))
    .send(event(4, 'a'))
  await until(() => two.seen.includes('4'))
  expect(told(two.seen)).toEqual(['1', '2', '3', '4'])
})

test('who has been given nothing yet goes on from where the stream was when it came', async () => {
  const leading = tab()
  const one = follow(leading, ['a'], 'e-5')
  hello(await nth(streams, 0), 'e-5').send(RESUMED)
  await until(() => one.states.includes('open'))
  const two = follow(tab(), ['a'])
  await until(() => two.states.includes('open'))
  await settle()
  leading.close()
  expect((await nth(streams, 1)).header('last-event-id')).toBe('e-5')
})

describe('led by a worker', () => {
  /** Ends the workers as a crash does. */
  let crash: (() => void)[]
  let workers: number

  /** A worker in this process. */
  class FakeWorker {
    static leads = true
    port = { postMessage: (name: string) => FakeWorker.leads && crash.push(lead(name)) }
    addEventListener = () => {}
    constructor() {
      workers += 1
    }
  }

  beforeEach(() => {
    crash = []
    workers = 0
    FakeWorker.leads = true
    vi.stubGlobal('SharedWorker', FakeWorker)
  })
  afterEach(() => {
    for (const end of crash) end()
  })

  test('a tab takes over when the worker is gone, from where each has got to', async () => {
    const one = follow(tab({ leader: 'worker' }), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0').send(event(1, 'a'))
    // The worker is one for all tabs.
    FakeWorker.leads = false
    const two = follow(tab({ leader: 'worker' }), ['a'])
    await until(() => one.seen.includes('1') && two.states.includes('open'))
    expect([workers, streams().length]).toEqual([2, 1])
    for (const end of crash) end()
    const again = await nth(streams, 1)
    expect(stream.aborted).toBe(true)
    expect(again.header('last-event-id')).toBe('e-1')
    hello(again, 'e-1').send(event(2, 'a'))
    await until(() => one.seen.includes('2') && two.seen.includes('2'))
    expect(told(one.seen)).toEqual(['1', '2'])
    expect(streams().length).toBe(2)
  })
})

test('a page that is frozen lets another lead, and leads in its turn once it is thawed', async () => {
  const page = new EventTarget()
  vi.stubGlobal('document', page)
  const one = follow(tab(), ['a'])
  const stream = hello(await nth(streams, 0), 'e-0').send(event(1, 'a'))
  await until(() => one.seen.includes('1'))
  vi.stubGlobal('document', new EventTarget())
  const other = tab()
  const two = follow(other, ['a'])
  await until(() => two.states.includes('open'))
  page.dispatchEvent(new Event('freeze'))
  const next = await nth(streams, 1)
  expect(stream.aborted).toBe(true)
  expect(next.header('last-event-id')).toBe('e-1')
  hello(next, 'e-1').send(RESUMED).send(event(2, 'a'))
  await until(() => one.seen.includes('2') && two.seen.includes('2'))
  page.dispatchEvent(new Event('resume'))
  await settle()
  expect(streams().length).toBe(2)
  other.close()
  const last = await nth(streams, 2)
  expect(last.header('last-event-id')).toBe('e-2')
  hello(last, 'e-2').send(RESUMED).send(event(3, 'a'))
  await until(() => one.seen.includes('3'))
  await settle()
  expect(told(one.seen)).toEqual(['1', '2', '3'])
  // It is not also followed by what the page was before.
  expect(streams().length).toBe(3)
})

test('who resumes between two that lead misses nothing', async () => {
  const hub = new SmallHub()
  vi.stubGlobal('fetch', hub.fetch)
  for (const topic of ['a', 'b', 'b', 'a']) hub.publish(topic)
  // However many turns it comes after the one and before the other is heard of.
  for (let turns = 0; turns < 40; turns += 1) {
    const identity = `turns ${turns}`
    const [leading, other] = [tab({ identity }), tab({ identity })]
    const [one, two] = [follow(leading, ['a']), follow(other, ['a'])]
    await until(() => one.states.includes('open') && two.states.includes('open'))
    leading.close()
    for (let turn = 0; turn < turns; turn += 1) await undefined
    const late = follow(other, ['b'], 'e0-1')
    await until(() => late.seen.length > 1)
    expect(late.seen.filter((data) => !data.startsWith('('))).toEqual(['e0-2', 'e0-3'])
    other.close()
  }
})
