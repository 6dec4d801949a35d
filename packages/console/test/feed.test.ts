import { describe, expect, it } from 'vitest'
import type { PublishedEvent } from '../src/hub/bodies.js'
import { Feed } from '../src/pages/topics/feed.js'

let sequence = 0

function event(fields: Partial<PublishedEvent> = {}): PublishedEvent {
  sequence += 1
  return {
    id: `e-${sequence}`,
    topic: 't',
    event: 'message',
    data: `${sequence}`,
    time: '',
    ...fields,
  }
}

function take(feed: Feed, count: number, fields?: Partial<PublishedEvent>): void {
  for (let taken = 0; taken < count; taken += 1) feed.take(event(fields))
}

/** How many events a feed shows, and how many its holes stand for. */
function tally(feed: Feed) {
  const missing = feed.shown.map((row) => ('missing' in row ? row.missing : 0))
  const holes = missing.filter(Boolean).length
  return { shown: feed.shown.length - holes, missing: missing.reduce((sum, one) => sum + one, 0) }
}

describe('a feed', () => {
  it('shows nothing until it is asked to', () => {
    const feed = new Feed()
    take(feed, 3)
    expect([feed.shown.length, feed.waiting, feed.received]).toEqual([0, 3, 3])
    expect(feed.advance()).toBe(true)
    expect([feed.shown.length, feed.waiting]).toEqual([3, 0])
    expect(feed.advance()).toBe(false)
  })

  it('counts exactly what it shows a sample of', () => {
    const feed = new Feed()
    for (let frame = 0; frame < 3; frame += 1) {
      take(feed, 3000)
      feed.advance()
    }
    expect(feed.received).toBe(9000)
    const { shown, missing } = tally(feed)
    expect(shown).toBe(3000)
    expect(missing).toBe(6000)
  })

  it('shows what is no event at its place, and does not count it', () => {
    const feed = new Feed()
    take(feed, 1)
    feed.note(event({ event: 'tidings.gap' }))
    take(feed, 1)
    feed.advance()
    expect([feed.received, feed.shown.length, feed.types.size]).toEqual([2, 3, 1])
  })

  it('keeps a bounded number of events, the newest', () => {
    const feed = new Feed()
    for (let frame = 0; frame < 20; frame += 1) {
      take(feed, 500)
      feed.advance()
    }
    expect(feed.shown.length).toBe(5000)
    expect(feed.shown.at(-1)?.id).toBe(`e-${sequence}`)
    expect(feed.received).toBe(10_000)
  })

  it('keeps a bounded amount of data', () => {
    const feed = new Feed()
    const data = 'x'.repeat(1 << 20)
    for (let frame = 0; frame < 40; frame += 1) {
      take(feed, 1, { data })
      feed.advance()
    }
    expect(tally(feed).shown).toBe(16)
    take(feed, 40, { data })
    feed.advance()
    expect(tally(feed)).toEqual({ shown: 16, missing: 36 })
  })

  it('shows what fits, also of what comes later', () => {
    const feed = new Feed()
    take(feed, 2, { event: 'a', data: 'Ümlaut' })
    take(feed, 3, { event: 'b' })
    feed.advance()
    feed.filter({ type: 'a', text: '' })
    expect(feed.shown.length).toBe(2)
    feed.filter({ type: '', text: 'üMLAUT' })
    expect(feed.shown.length).toBe(2)
    take(feed, 1, { data: 'another ümlaut' })
    take(feed, 1)
    feed.advance()
    expect(feed.shown.length).toBe(3)
    feed.filter({ type: '', text: '' })
    expect(feed.shown.length).toBe(7)
    expect([...feed.types]).toEqual([
      ['a', 2],
      ['b', 3],
      ['message', 2],
    ])
  })

  it('takes older events in front', () => {
    const feed = new Feed()
    const [one, two, three] = [event(), event(), event()]
    feed.take(three)
    feed.advance()
    feed.prepend([one, two])
    expect(feed.shown).toEqual([one, two, three])
    expect(feed.oldest).toBe(one)
    expect(feed.received).toBe(1)
  })
})
