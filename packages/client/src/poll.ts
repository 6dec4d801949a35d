import type { Attempt } from './attempt.js'
import { TidingsError } from './errors.js'
import type { Gap, Item, StreamEvent } from './items.js'
import { sleep } from './sleep.js'
import { endpoint, query, type TopicSource } from './source.js'

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

/** The least time from one poll that brought nothing to the next, in milliseconds. */
const LEAST = 1000

/** The longest page, in characters. A hub sends about 4 MiB. */
const LONGEST_PAGE = 2 ** 25

/**
 * Asks for events page by page, for where the stream itself does not come through. Returns whether
 * nothing can follow; if not, it is time to try the stream again.
 */
export async function poll(attempt: Attempt): Promise<boolean> {
  const { source, idle, signal, ask, opened, deliver, heard } = attempt
  const topics = source.topics as TopicSource
  let id = attempt.lastEventId
  const { from = 'now' } = topics
  const url = endpoint(topics.hub, 'api/events')
  const end = Date.now() + SPELL
  const hold = Math.min(LONGEST_WAIT, Math.ceil(idle / 1500))
  for (let wait = 0; Date.now() < end; wait = hold) {
    const asked = Date.now()
    // Without an id the newest come.
    const limit = from === 'start' ? MOST_EVENTS : from.slice('last:'.length) || 1
    url.search = `${query(topics, id ? { last_event_id: id, wait } : { limit })}`
    const response = await ask({ url })
    const page = (await json(response)) as Page
    if (!wait) opened('poll', response.url)
    const events = id || from !== 'now' ? page.events : []
    const items: Item[] = events.map((event) => ({ ...event, type: 'event' }))
    if (page.gap) items.unshift({ ...page.gap, type: 'gap' })
    if (!id && events.length === MOST_EVENTS) items.unshift(cutOff(events))
    for (const item of items) deliver(item.type === 'event' ? item.id : id, item)
    const idles = !events.length || page.last_event_id === id
    id = page.last_event_id
    deliver(id)
    await heard()
    if (source.ended()) return true
    // Something that does not hold polls back would be asked without end.
    if (wait && idles) await sleep(asked + LEAST - Date.now(), signal)
    signal.throwIfAborted()
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
