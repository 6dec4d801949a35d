import type { Outgoing } from './http.js'
import type { Item } from './items.js'
import { isUpTo } from './position.js'

/** A stream at an address, of whatever server. */
export interface UrlSource {
  url: string | URL
  method?: string | undefined
  /** Sent with every attempt. */
  body?: Exclude<BodyInit, ReadableStream> | undefined
}

/** Topics of a hub. */
export interface TopicSource {
  /** Topics, and patterns: a segment may be `*`, and the last one `**`. */
  topics: readonly string[]
  /** The hub's address. Default: the page's own origin. */
  hub?: string | URL | undefined
  /** The names of the events wanted. Default: all. */
  events?: readonly string[] | undefined
  /** Where to start: with what is published from now on (the default), the oldest, or the newest N. */
  from?: 'now' | 'start' | `last:${number}` | undefined
}

/** What to ask for, and how to read the answer. */
export interface Source {
  request(): Outgoing
  /** Takes what arrives to what is given: nothing, if it was given before. */
  take(item: Item): Item | undefined
  /** Whether nothing can follow. */
  ended(): boolean
  /** The topics, if they can be polled for. */
  topics?: TopicSource
}

/** A longer query goes into a form: common limits on a request line begin at 8 KiB. */
const LONGEST_QUERY = 4096

export function urlSource({ url, method, body }: UrlSource): Source {
  const outgoing = { url: absolute(url), method, body } as Outgoing
  return { request: () => outgoing, take: (item) => item, ended: () => false }
}

export function topicSource(source: TopicSource): Source {
  const { topics, hub, from } = source
  const url = endpoint(hub, 'api/events/stream')
  /** What can still bring events. A pattern is no topic's name, so it stays. */
  const unended = new Set(topics)
  let last = ''
  return {
    topics: source,
    request() {
      const body = query(source, { from, format: 'envelope' })
      if (`${body}`.length > LONGEST_QUERY) return { url, method: 'POST', body }
      url.search = `${body}`
      return { url }
    },
    take(item) {
      // After a gap the history of before no longer orders what comes.
      if (item.type === 'gap') last = ''
      if (item.type !== 'event') return item
      if (isUpTo(item.id, last)) return undefined
      last = item.id
      // A topic that was deleted can begin again.
      const topic = item.topic as string
      if (topics.includes(topic)) unended[item.final ? 'delete' : 'add'](topic)
      return item
    },
    ended: () => !unended.size,
  }
}

/** The query for topics, with more fields; those that are undefined are left out. */
export function query(
  { topics, events = [] }: TopicSource,
  fields: Record<string, unknown>,
): URLSearchParams {
  const search = new URLSearchParams()
  for (const [name, values] of Object.entries({ topic: topics, event: events, ...fields })) {
    for (const value of [values].flat()) if (value) search.append(name, value as string)
  }
  return search
}

/** An address below that of the hub. */
export function endpoint(hub: string | URL = '/', path: string): URL {
  return new URL(path, absolute(`${hub}`.replace(/\/?$/, '/')))
}

function absolute(url: string | URL): URL {
  return new URL(url, globalThis.location?.href)
}
