import { describe, expect, test } from 'vitest'

import { type Call, settle } from '../fake-fetch.js'
import {
  beginWithoutTabs,
  changes,
  event,
  follow,
  hello,
  net,
  nth,
  RESUMED,
  streams,
  tab,
  topicsOf,
  until,
} from './tabs.js'

beginWithoutTabs()

const PROBLEM = '{"detail":"topic: a wildcard must be a whole segment","field":"topic"}'

function refuse(call: Call): void {
  const type = 'application/problem+json'
  call.answer(400, PROBLEM, { 'content-type': type, 'content-length': `${PROBLEM.length}` })
}

describe('a topic that is refused', () => {
  const probes = () => net.calls.filter(({ url }) => url.includes('limit=1'))

  test('while the stream is open fails the subscription that wants it, and no other', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    const page = tab()
    const [bad, good] = [follow(page, ['b', 'x*y']), follow(page, ['c'])]
    for (let index = 0; index < 4 && bad.subscription.state.state !== 'closed'; index += 1) {
      const change = await nth(changes, index)
      if (`${change.init.body}`.includes('x*y')) refuse(change)
      else change.answer(200, '{"position":"e-0"}')
      await settle()
    }
    await bad.ended
    expect(bad.subscription.state).toMatchObject({
      reason: 'failed',
      error: { status: 400, problem: { field: 'topic' } },
    })
    await until(() => changes().some(({ init }) => `${init.body}`.includes('"c"')))
    for (const change of changes()) change.answer(200, '{"position":"e-0"}')
    stream.send(event(1, 'a')).send(event(2, 'c'))
    await until(() => one.seen.includes('1') && good.seen.includes('2'))
    expect(streams().length).toBe(1)
    expect(one.states).not.toContain('closed')
  })

  test('by itself is blamed at once', async () => {
    const one = follow(tab(), ['a'])
    hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    const bad = follow(tab(), ['x*y'])
    refuse(await nth(changes, 0))
    await bad.ended
    expect(bad.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    await settle()
    expect([changes().length, streams().length, one.states.at(-1)]).toEqual([1, 1, 'open'])
  })

  test('when the stream is to be opened is found out, and it is opened without', async () => {
    const page = tab()
    const [one, bad, two] = [follow(page, ['a']), follow(page, ['x*y']), follow(page, ['b'], 'e-3')]
    refuse(await nth(streams, 0))
    for (const index of [0, 1, 2]) {
      const probe = await nth(probes, index)
      if (probe.url.includes('x*y')) refuse(probe)
      else probe.answer(200, '{"events":[]}')
    }
    await bad.ended
    expect(bad.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    const again = await nth(streams, 1)
    expect(topicsOf(again)).toEqual(['a', 'b'])
    expect(again.header('last-event-id')).toBe('e-3')
    hello(again, 'e-3').send(event(4, 'b')).send(RESUMED).send(event(5, 'a'))
    await until(() => one.seen.includes('5') && two.seen.includes('4'))
    expect([...one.states, ...two.states]).not.toContain('closed')
  })

  test('when the stream is to be opened again costs the others nothing', async () => {
    const one = follow(tab(), ['a'])
    const stream = hello(await nth(streams, 0), 'e-0')
    await until(() => one.states.includes('open'))
    stream.send(event(1, 'a')).send(event(2, 'a'))
    await until(() => one.seen.includes('2'))
    stream.end()
    await until(() => one.states.includes('waiting'))
    const bad = follow(tab(), ['x*y'])
    await until(() => topicsOf(streams().at(-1)).includes('x*y'))
    refuse(streams().at(-1) as Call)
    for (const index of [0, 1]) {
      const probe = await nth(probes, index)
      if (probe.url.includes('x*y')) refuse(probe)
      else probe.answer(200, '{"events":[]}')
    }
    await bad.ended
    await until(() => topicsOf(streams().at(-1)).length === 1)
    expect(streams().at(-1)?.header('last-event-id')).toBe('e-2')
  })

  test('is not looked for if it is the only one', async () => {
    const { ended, subscription } = follow(tab(), ['x*y'])
    refuse(await nth(streams, 0))
    await ended
    expect(subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
    expect(net.calls.length).toBe(1)
  })

  test('is looked for again if the hub could not be asked, and nobody is ended', async () => {
    const page = tab()
    const [one, bad] = [follow(page, ['a']), follow(page, ['x*y'])]
    refuse(await nth(streams, 0))
    for (const index of [0, 1]) (await nth(probes, index)).answer(503)
    await until(() => one.states.includes('waiting'))
    refuse(await nth(streams, 1))
    ;(await nth(probes, 2)).answer(200, '{"events":[]}')
    refuse(await nth(probes, 3))
    await bad.ended
    const stream = hello(await nth(streams, 2), 'e-0').send(event(1, 'a'))
    expect(topicsOf(stream)).toEqual(['a'])
    await until(() => one.seen.includes('1'))
    expect(one.states).not.toContain('closed')
  })

  test('that is none: what is refused for another reason fails all', async () => {
    const page = tab()
    const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
    refuse(await nth(streams, 0))
    for (const index of [0, 1]) (await nth(probes, index)).answer(200, '{"events":[]}')
    await Promise.all([one.ended, two.ended])
    expect(one.subscription.state).toMatchObject({ reason: 'failed', error: { status: 400 } })
  })

  test('does not take the others back to where they began', async () => {
    const one = follow(tab(), ['a'], 'e-3')
    const stream = hello(await nth(streams, 0), 'e-3').send(RESUMED)
    for (let n = 4; n <= 9; n += 1) stream.send(event(n, 'a'))
    await until(() => one.seen.includes('9'))
    stream.end()
    const bad = follow(tab(), ['x*y'])
    await until(() => topicsOf(streams().at(-1)).includes('x*y'))
    refuse(streams().at(-1) as Call)
    for (const index of [0, 1]) {
      const probe = await nth(probes, index)
      if (probe.url.includes('x*y')) refuse(probe)
      else probe.answer(200, '{"events":[]}')
    }
    await bad.ended
    await until(() => topicsOf(streams().at(-1)).length === 1)
    expect(streams().at(-1)?.header('last-event-id')).toBe('e-9')
  })

  test('is looked for among all topics at once', async () => {
    follow(tab(), ['a', 'b', 'c'])
    refuse(await nth(streams, 0))
    await nth(probes, 2)
    expect(probes().map(({ url }) => new URL(url).searchParams.get('topic'))).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  test('that is none fails nobody who comes while it is looked for', async () => {
    const page = tab()
    const [one, two] = [follow(page, ['a']), follow(page, ['b'])]
    refuse(await nth(streams, 0))
    await nth(probes, 1)
    const late = follow(tab(), ['c'])
    await until(() => late.states.length > 0)
    for (const probe of probes()) probe.answer(200, '{"events":[]}')
    await Promise.all([one.ended, two.ended])
    const again = hello(await nth(streams, 1), 'e-0')
    expect(topicsOf(again)).toEqual(['c'])
    again.send(event(1, 'c'))
    await until(() => late.seen.includes('1'))
    expect(late.states).not.toContain('closed')
  })
})
