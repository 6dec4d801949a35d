import type { RequestOptions } from './http.js'

/** How to reach a hub. */
export interface HubOptions extends RequestOptions {
  /** The hub's address. Default: the page's own origin. */
  hub?: string | URL | undefined
  /** How often a request is tried in all. Default: 5. */
  attempts?: number | undefined
  /** The time for one attempt, in milliseconds. Default: 30 seconds. */
  timeout?: number | undefined
}

/** An event to publish. */
export interface NewEvent {
  /** The event's name. Default: `message`. */
  event?: string | undefined
  /** Text as it is; anything else as JSON. */
  data: unknown
  /** What conflation goes by. */
  key?: string | undefined
  /** Whether the event ends its topic. */
  final?: boolean | undefined
  /** Publications with one key are one event. Default: a key for all attempts of this call. */
  idempotencyKey?: string | undefined
}

/** What the hub says about a published event. */
export interface Receipt {
  id: string
  /** How many subscriptions matched it. */
  receivers: number
  durability: 'memory' | 'disk' | 'cluster'
}

/** A hub to publish to. */
export interface Hub {
  /**
   * Publishes an event.
   *
   * While the hub cannot be reached or cannot take events it is tried again a few times; that
   * makes one event, whatever became of the earlier attempts. Throws a `TidingsError`; if that is
   * `transient`, the outcome may be unknown, and publishing again with the same `idempotencyKey`
   * is safe. Throws a `TypeError` if the data is neither text nor JSON, or the address invalid.
   */
  publish(topic: string, event: NewEvent): Promise<Receipt>
  /** How many subscriptions a topic has. */
  subscriberCount(topic: string): Promise<number>
}

/** A hub to publish to. What it takes is loaded by the first call. */
export function createHub(options: HubOptions = {}): Hub {
  const calls = () => import('./calls.js')
  return {
    publish: async (topic, event) => (await calls()).publish(options, topic, event),
    subscriberCount: async (topic) => (await calls()).subscriberCount(options, topic),
  }
}
