import { describe, expect, it } from 'vitest'
import type { PublishedEvent } from '../src/hub/bodies.js'
import { positionOf } from '../src/hub/event-id.js'
import { type Ask, pageBefore } from '../src/hub/history.js'

function event(sequence: number): PublishedEvent {
  return { id: `e-${sequence}`, topic: 't', event: 'message', data: '', time: '' }
}

/** A hub that has events at these positions, and counts how often it is asked. */
function hub(sequences: readonly number[], retainedFrom = 0) {
  const asked: string[] = []
  const ask: Ask = async (after, limit) => {
    asked.push(after)
    const { sequence } = positionOf(after) ?? { sequence: 0 }
    const later = sequences.filter((one) => one > sequence && one >= retainedFrom)
    const gap = sequence + 1 < retainedFrom ? { reason: 'evicted' } : null
    return { events: later.slice(0, limit).map(event), last_event_id: '', gap }
  }
  return { ask, asked }
}

/** All pages back from an id, joined. */
async function allBefore(sequences: readonly number[], from: number, limit: number) {
  const { ask } = hub(sequences)
  let [id, span] = [`e-${from}`, 256]
  const found: number[] = []
  for (let pages = 0; pages < 10_000; pages += 1) {
    const page = await pageBefore(id, ask, { limit, span })
    found.unshift(...page.events.map(({ id }) => positionOf(id)?.sequence ?? 0))
    if (page.isStart) return found
    id = page.events[0]?.id ?? id
    span = page.span
  }
  throw new Error('it does not come to an end')
}

describe('pages back', () => {
  it.each([
    ['a busy topic', Array.from({ length: 1000 }, (_, index) => index + 1)],
    ['one among many', Array.from({ length: 50 }, (_, index) => 1 + index * 997)],
    [
      'bursts',
      Array.from({ length: 600 }, (_, index) => (index < 300 ? index + 1 : index + 90_000)),
    ],
    ['an empty one', []],
    ['a single event', [1]],
  ])('give each earlier event once, of %s', async (_, sequences) => {
    for (const limit of [1, 7, 200]) {
      expect(await allBefore(sequences, 100_000, limit)).toEqual(sequences)
    }
  })

  it('end where the hub has forgotten the rest', async () => {
    const { ask } = hub([1, 2, 3, 50, 51, 52], 50)
    const page = await pageBefore('e-52', ask)
    expect(page.events.map(({ id }) => id)).toEqual(['e-50', 'e-51'])
    expect(page.isStart).toBe(true)
  })

  it('ask seldom when the first guess is good', async () => {
    const { ask, asked } = hub(Array.from({ length: 5000 }, (_, index) => index + 1))
    await pageBefore('e-4000', ask, { limit: 200, span: 199 })
    expect(asked).toEqual(['e-3800'])
  })

  it('say nothing of an id that is none', async () => {
    const page = await pageBefore('control 1', hub([1]).ask)
    expect(page).toMatchObject({ events: [], isStart: true })
  })
})
