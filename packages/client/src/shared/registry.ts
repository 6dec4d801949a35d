import { isUpTo } from '../position.js'
import type { Heard, Want } from './messages.js'

/** Which tabs there are, what each wants, and what of that is not on the stream yet. */
export interface Registry {
  /** Takes all that a tab wants, as it says in the message of this number. */
  hear(member: string, number: number, wants: readonly Want[]): void
  /** Forgets a tab that is gone. */
  forget(member: string): void
  members(): string[]
  /** Up to which message each tab was heard. */
  heard(): Heard
  /** All topics that are wanted. */
  topics(): Set<string>
  /** The topics of what is resumed and not on the stream yet. */
  resumed(): Set<string>
  /**
   * The id to connect after, so that neither the stream, which has got to one, nor whoever resumes
   * misses anything.
   */
  start(reached: string): string
  /** Notes that all that is resumed is on the stream. Returns in which messages that was wanted. */
  take(): Heard
  /** Drops whatever includes a topic. */
  refuse(topic: string): void
  /** Drops what was first wanted in the messages up to these. */
  end(heard: Heard): void
}

interface Tab {
  /** Its last message. */
  number: number
  /** The last one whose resumptions are on the stream. */
  taken: number
  wants: readonly Want[]
}

/** An id of no log at all: the hub answers it with a gap and with all that it still has. */
const NOWHERE = 'none-0'

export function createRegistry(): Registry {
  const tabs = new Map<string, Tab>()

  const all = () => [...tabs.values()].flatMap(({ wants }) => wants)
  const topicsOf = (wants: Want[]) => new Set(wants.flatMap(({ topics }) => topics))
  const resuming = () => all().filter(({ after }) => after)
  const heard = () => Object.fromEntries([...tabs].map(([member, { number }]) => [member, number]))

  return {
    hear(member, number, wanted) {
      const taken = tabs.get(member)?.taken ?? 0
      // What was taken is said again by a tab that has not heard of that yet.
      const wants = wanted.map((want) => (want.resumes > taken ? want : { ...want, after: '' }))
      tabs.set(member, { number, taken, wants })
    },
    forget: (member) => tabs.delete(member),
    members: () => [...tabs.keys()],
    heard,
    topics: () => topicsOf(all()),
    resumed: () => topicsOf(resuming()),
    start: (reached) => earliest([...resuming().map(({ after }) => after), reached]),
    take() {
      for (const tab of tabs.values()) {
        tab.taken = tab.number
        tab.wants = tab.wants.map((want) => ({ ...want, after: '' }))
      }
      return heard()
    },
    refuse(topic) {
      for (const tab of tabs.values()) {
        tab.wants = tab.wants.filter(({ topics }) => !topics.includes(topic))
      }
    },
    end(over) {
      for (const [member, tab] of tabs) {
        tab.wants = tab.wants.filter(({ said }) => said > (over[member] ?? 0))
      }
    },
  }
}

/**
 * The id after which nothing of what comes after any of these is missing. Those of one log are in
 * an order. Of several, as after a reset of the hub, it is unknown which log it has now; then all
 * of what it has is asked for, and each tab leaves out what it has seen.
 */
function earliest(ids: readonly string[]): string {
  let first = ''
  for (const id of ids) {
    if (!first || isUpTo(id, first)) first = id
    else if (id && id !== first && !isUpTo(first, id)) return NOWHERE
  }
  return first
}
