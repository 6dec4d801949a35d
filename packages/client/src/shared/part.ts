import type { Sink } from '../connection.js'
import type { Gap, Item } from '../items.js'
import { isUpTo } from '../position.js'
import type { State } from '../state.js'
import { matches } from './selector.js'

/** A subscription of this tab. */
export interface Part {
  readonly topics: readonly string[]
  readonly sink: Sink
  /** The last event it has been given, or from which on it is given any; none until it is known. */
  after: string
  /** The first message of this tab that tells of it. */
  readonly said: number
  /**
   * The first message that tells whoever leads now what it resumes, until that is on the stream and
   * while nothing on it is for this one; else 0.
   */
  resumes: number
  /** What can still bring events. A pattern is no topic's name, so it stays. */
  readonly unended: Set<string>
  state: State
}

/**
 * Takes what arrives on the stream to what the part is given: nothing, if it is not for it. With
 * that the stream is `at` an id.
 */
export function take(part: Part, item: Item, at: string): Item | undefined {
  if (item.type === 'gap') return miss(part, item, at)
  if (item.type !== 'event') return item
  const { id, topic = '', final } = item
  if (!part.after || isUpTo(id, part.after)) return undefined
  part.after = id
  if (!part.topics.some((selector) => matches(selector, topic))) return undefined
  // One that was deleted can begin again. Those of a pattern are without number.
  if (part.topics.includes(topic)) part.unended[final ? 'delete' : 'add'](topic)
  return item
}

/** A gap, unless it is that of another who has resumed. */
function miss(part: Part, gap: Gap, at: string): Gap | undefined {
  const { after } = part
  if (gap.requested) {
    // All that is left is replayed. It may have been seen here, or nothing was asked for.
    const replays = gap.reason === 'evicted' || gap.reason === 'epoch-changed'
    if (!after || (replays && isUpTo(gap.oldest ?? '', after))) return undefined
  }
  // After an id that the hub does not know it goes on from wherever the hub is.
  part.after = gap.reason === 'unknown-id' ? '' : at
  return { ...gap, requested: gap.requested && after }
}
