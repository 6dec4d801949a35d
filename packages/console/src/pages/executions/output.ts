import type { PublishedEvent } from '../../hub/bodies.js'
import { type Look, PLAIN, parseAnsi } from '../../parts/ansi.js'

/** A line of what an execution says. */
export interface Line {
  id: string
  time: string
  /** Where it comes from; `event` is something that happened. */
  source: 'stdout' | 'stderr' | 'tidings' | 'event'
  text: string
  /** How it begins to look: colours go on over lines. */
  look: Look
}

/** Lines that are kept, the newest ones. */
const LINES = 50_000

/** Characters that are kept. */
const CHARACTERS = 32 << 20

const ESCAPE = '\u001b'

/** The output of an execution, line by line. */
export class Output {
  lines: readonly Line[] = []
  /** Lines that were dropped to stay within bounds. */
  dropped = 0
  #kept: Line[] = []
  #characters = 0
  #looks = new Map<Line['source'], Look>()
  #hasNews = false

  take(event: PublishedEvent): void {
    const { source, text } = read(event)
    const look = this.#looks.get(source) ?? PLAIN
    if (text.includes(ESCAPE)) this.#looks.set(source, parseAnsi(text, look).look)
    this.#kept.push({ id: event.id, time: event.time, source, text, look })
    this.#characters += text.length
    this.#hasNews = true
  }

  /** Brings what has come into view. Tells whether something changed. */
  advance(): boolean {
    if (!this.#hasNews) return false
    this.#hasNews = false
    let excess = Math.max(0, this.#kept.length - LINES)
    for (let at = 0; at < this.#kept.length - 1; at += 1) {
      if (at >= excess && this.#characters <= CHARACTERS) break
      this.#characters -= this.#kept[at]?.text.length ?? 0
      excess = Math.max(excess, at + 1)
    }
    this.#kept.splice(0, excess)
    this.dropped += excess
    this.lines = this.#kept.slice()
    return true
  }

  /** Puts the lines of events in front of all others. */
  prepend(older: readonly PublishedEvent[]): void {
    const before = new Output()
    for (const event of older) before.take(event)
    this.#kept = [...before.#kept, ...this.#kept]
    this.#characters += before.#characters
    this.lines = this.#kept.slice()
  }
}

/** What an event other than output is told by, in this order. */
const TOLD = ['message', 'title', 'taskTitle', 'error', 'taskId'] as const

function read({ event, data }: PublishedEvent): Pick<Line, 'source' | 'text'> {
  const facts = parsed(data)
  if (event === 'output') {
    const { stream, line } = facts
    const isKnown = stream === 'stderr' || stream === 'tidings'
    return { source: isKnown ? stream : 'stdout', text: typeof line === 'string' ? line : data }
  }
  const told = TOLD.map((name) => facts[name]).find((value) => typeof value === 'string' && value)
  return { source: 'event', text: told ? `${event}  ${told}` : event }
}

function parsed(data: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
