import type { HistoryBody, PublishedEvent } from './bodies.js'
import { idAt, type Position, positionOf } from './event-id.js'

/** Asks for the oldest `limit` events after an id. */
export type Ask = (after: string, limit: number) => Promise<HistoryBody>

/** A page of what came before. */
export interface Page {
  /** Oldest first. */
  events: PublishedEvent[]
  /** Whether nothing older is retained. */
  isStart: boolean
  /** How far back was asked; a good first guess for the next page. */
  span: number
}

/** The first guess of how many positions hold a page. */
const FIRST_SPAN = 256

/**
 * The events just before an id. The hub reads forwards only, so a span of positions before the id
 * is asked for, and halved or widened until it holds something and fits into one answer.
 */
export async function pageBefore(
  id: string,
  ask: Ask,
  { limit = 200, span = FIRST_SPAN }: { limit?: number; span?: number } = {},
): Promise<Page> {
  const end = positionOf(id)
  if (!end) return { events: [], isStart: true, span }
  let tooSmall = 0
  let tooLarge = Number.POSITIVE_INFINITY
  for (let width = Math.max(1, span); ; ) {
    const start = Math.max(0, end.sequence - 1 - width)
    const { events, gap } = await ask(idAt({ ...end, sequence: start }), limit)
    const before = events.filter((event) => isBefore(event, end))
    const isStart = start === 0 || gap !== null
    // One position holds one event, however few an answer may have.
    const isWhole = before.length < events.length || events.length < limit || width === tooSmall + 1
    if (isWhole && (before.length > 0 || isStart)) return { events: before, isStart, span: width }
    if (isWhole) tooSmall = width
    else tooLarge = width
    const isBounded = tooLarge < Number.POSITIVE_INFINITY
    width = isBounded ? Math.ceil((tooSmall + tooLarge) / 2) : width * 4
  }
}

function isBefore(event: PublishedEvent, end: Position): boolean {
  const position = positionOf(event.id)
  return position?.epoch === end.epoch && position.sequence < end.sequence
}
