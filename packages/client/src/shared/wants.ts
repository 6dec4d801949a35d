import { isUpTo } from '../position.js'
import type { Want } from './messages.js'

/** What all tabs want to have followed. */
export interface Wants {
  /** Takes all that a tab wants, or nothing once it is gone. */
  set(member: string, wants: readonly Want[]): void
  topics(): Set<string>
  /** The last ids that were seen. */
  cursors(): string[]
  /** Forgets the last ids: after a gap they are no measure any more. */
  begin(): void
  /** Drops whatever includes this topic. */
  drop(topic: string): void
}

/** An id of no log at all: the hub answers it with a gap and with all that it still has. */
const NOWHERE = 'none-0'

export function createWants(): Wants {
  const members = new Map<string, readonly Want[]>()
  const all = () => [...members.values()].flat()

  return {
    set(member, wants) {
      if (wants.length) members.set(member, wants)
      else members.delete(member)
    },
    topics: () => new Set(all().flatMap(({ topics }) => topics)),
    cursors: () => all().flatMap(({ after }) => after || []),
    begin() {
      for (const want of all()) want.after = ''
    },
    drop(topic) {
      for (const [member, wants] of members) {
        this.set(
          member,
          wants.filter(({ topics }) => !topics.includes(topic)),
        )
      }
    },
  }
}

/**
 * The id to connect after, so that nobody who is at one of these ids misses anything. Those of one
 * log are in an order. Of several, as after a reset of the hub, it is unknown which log it has now;
 * then all of what it has is asked for, and each tab leaves out what it has seen.
 */
export function startOf(ids: readonly string[]): string {
  let start = ''
  for (const id of ids) {
    if (!start || isUpTo(id, start)) start = id
    else if (id && id !== start && !isUpTo(start, id)) return NOWHERE
  }
  return start
}
