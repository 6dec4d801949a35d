import type { PublishedEvent } from '../../hub/bodies.js'

/** What of the events is wanted. */
export interface Filter {
  /** The event's name; empty for all. */
  type: string
  /** A part of the data or of the topic, whatever its case. */
  text: string
}

/** Events that were not kept, as one row. */
export interface Hole {
  id: string
  /** How many events are missing here. */
  missing: number
}

export type Row = PublishedEvent | Hole

/** What a list may hold, in events and in characters of their data. */
interface Bound {
  events: number
  characters: number
}

/** What is kept: the newest. */
const KEPT: Bound = { events: 5000, characters: 16 << 20 }

/** What waits to come into view: the newest. At more than that the view shows a sample. */
const WAITING: Bound = { events: 1000, characters: 4 << 20 }

/**
 * The events of a topic as they come: all of them are counted, the newest are kept, and what is
 * shown changes only when it is asked to.
 */
export class Feed {
  /** How many events came. */
  received = 0
  /** What is in view, oldest first. */
  shown: readonly Row[] = []
  /** The names of the events that came, and how many of each. */
  readonly types = new Map<string, number>()
  #kept: Row[] = []
  #waiting: PublishedEvent[] = []
  #characters = { kept: 0, waiting: 0 }
  /** How many of those that waited were given up. */
  #missing = 0
  #filter: Filter = { type: '', text: '' }

  /** Takes an event that has just come. */
  take(event: PublishedEvent): void {
    this.received += 1
    this.#count(event)
    this.note(event)
  }

  /** Takes what is shown among the events and is none. */
  note(event: PublishedEvent): void {
    this.#waiting.push(event)
    this.#characters.waiting += event.data.length
    const { events, characters } = WAITING
    // Cut seldom: each cut moves all that stay.
    if (this.#waiting.length > 2 * events || this.#characters.waiting > 2 * characters) this.#cut()
  }

  /** How many events came and are not in view yet. */
  get waiting(): number {
    return this.#waiting.length + this.#missing
  }

  /** Brings what has come into view. Tells whether something changed. */
  advance(): boolean {
    if (this.#waiting.length === 0) return false
    this.#cut()
    const taken: Row[] = this.#waiting
    const [first] = this.#waiting
    if (this.#missing) taken.unshift({ id: `before ${first?.id}`, missing: this.#missing })
    this.#kept.push(...taken)
    this.#characters.kept += this.#characters.waiting
    this.#waiting = []
    this.#characters.waiting = 0
    this.#missing = 0
    const excess = excessOf(this.#kept, this.#characters.kept, KEPT)
    this.#characters.kept -= excess.characters
    const gone = new Set(this.#kept.splice(0, excess.rows))
    this.shown = [...this.shown.filter((row) => !gone.has(row)), ...taken.filter(this.#matches)]
    return true
  }

  /** Puts events in front of all others, whatever bound there is: somebody asked for them. */
  prepend(older: readonly PublishedEvent[]): void {
    for (const event of older) this.#count(event)
    this.#kept = [...older, ...this.#kept]
    this.#characters.kept += older.reduce((sum, { data }) => sum + data.length, 0)
    this.shown = this.#kept.filter(this.#matches)
  }

  /** Shows, of what is kept, what fits the filter. */
  filter(filter: Filter): void {
    this.#filter = { ...filter, text: filter.text.toLowerCase() }
    this.shown = this.#kept.filter(this.#matches)
  }

  /** The oldest event that is kept. */
  get oldest(): PublishedEvent | undefined {
    return this.#kept.find((row) => 'data' in row)
  }

  clear(): void {
    this.#kept = []
    this.#waiting = []
    this.#characters = { kept: 0, waiting: 0 }
    this.#missing = 0
    this.shown = []
  }

  #matches = (row: Row): boolean => {
    if ('missing' in row) return true
    const { type, text } = this.#filter
    if (type && row.event !== type) return false
    return !text || `${row.topic}\n${row.data}`.toLowerCase().includes(text)
  }

  #count({ event }: PublishedEvent): void {
    this.types.set(event, (this.types.get(event) ?? 0) + 1)
  }

  /** Gives up the oldest of what waits beyond its bound. */
  #cut(): void {
    const excess = excessOf(this.#waiting, this.#characters.waiting, WAITING)
    this.#waiting.splice(0, excess.rows)
    this.#characters.waiting -= excess.characters
    this.#missing += excess.rows
  }
}

/** What has to go from the front so that the rest is within the bound. The last one stays. */
function excessOf(rows: readonly Row[], held: number, bound: Bound) {
  let [count, characters] = [0, 0]
  const isTooMuch = () => rows.length - count > bound.events || held - characters > bound.characters
  while (count < rows.length - 1 && isTooMuch()) {
    const row = rows[count]
    if (row && 'data' in row) characters += row.data.length
    count += 1
  }
  return { rows: count, characters }
}
