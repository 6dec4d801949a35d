import { TidingsError } from './errors.js'
import type { Outgoing } from './http.js'
import type { Gap, Item, StreamEvent } from './items.js'
import { endpoint, query, type TopicSource } from './source.js'

/** What polling needs of a connection. */
export interface Polled {
  topics: TopicSource
  lastEventId: string
  /** How long an answer may take, in milliseconds. */
  idle: number
  ask(request: Outgoing): Promise<Response>
  opened(url: string): void
  /** Takes the id to go on after, with the item it belongs to if there is one. */
  deliver(lastEventId: string, item?: Item): void
  /** Settles when there is room for another page. */
  heard(): Promise<void>
  /** Whether nothing can follow. */
  ended(): boolean
}

interface Page {
  events: Omit<StreamEvent, 'type'>[]
  last_event_id: string
  gap: Omit<Gap, 'type'> | null
}

/** How long to poll before the stream is tried again, in milliseconds. */
const SPELL = 300_000

/** The longest that the hub may hold a poll, in seconds. */
const LONGEST_WAIT = 25

/** The most events that a hub gives at once. */
const MOST_EVENTS = 10_000

/** The longest page, in characters. A hub sends about 4 MiB. */
const LONGEST_PAGE = 2 ** 25

/**
 * Asks for events page by page, for where the stream itself does not come through. Returns whether
 * nothing can follow; if not, it is time to try the stream again.
 */
export async function poll(connection: Polled): Promise<boolean> {
  const { topics } = connection
  let id = connection.lastEventId
  const { from = 'now' } = topics
  const url = endpoint(topics.hub, 'api/events')
  const end = Date.now() + SPELL
  const hold = Math.min(LONGEST_WAIT, Math.ceil(connection.idle / 1500))
  for (let wait = 0; Date.now() < end; wait = hold) {
    // Without an id the newest come.
    const limit = from === 'start' ? MOST_EVENTS : from.slice('last:'.length) || 1
    url.search = `${query(topics, id ? { last_event_id: id, wait } : { limit })}`
    const response = await connection.ask({ url })
    const page = (await json(response)) as Page
    if (!wait) connection.opened(response.url)
    const events = id || from !== 'now' ? page.events : []
    const items: Item[] = events.map((event) => ({ ...event, type: 'event' }))
    if (page.gap) items.unshift({ ...page.gap, type: 'gap' })
    if (!id && events.length === MOST_EVENTS) items.unshift(cutOff(events))
    for (const item of items) connection.deliver(item.type === 'event' ? item.id : id, item)
    id = page.last_event_id
    connection.deliver(id)
    await connection.heard()
    if (connection.ended()) return true
  }
  return false
}

/** There may be older events than those that the hub gives without an id. */
function cutOff(events: Page['events']): Gap {
  return { type: 'gap', reason: 'evicted', requested: null, oldest: events[0]?.id ?? null }
}

async function json(response: Response): Promise<unknown> {
  const utf8 = new TextDecoder()
  const reader = response.body?.getReader()
  if (!reader) return response.json()
  let text = ''
  for (let part = await reader.read(); part.value; part = await reader.read()) {
    text += utf8.decode(part.value, { stream: true })
    if (text.length > LONGEST_PAGE) throw new TidingsError('limit', 'the page is too long')
  }
  return JSON.parse(text)
}
