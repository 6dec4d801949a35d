import type { DecodedEvent } from './decoder.js'

/** A published event. */
export interface StreamEvent {
  type: 'event'
  /** The event's name; `message` unless the publisher gave another. */
  event: string
  data: string
  /** The id to resume after. Empty if the stream has none. */
  id: string
  /** The topic it was published on, if the subscription is one to topics of a hub. */
  topic?: string
  /** When it was published (RFC 3339, UTC), if the subscription is one to topics of a hub. */
  time?: string
  /** Whether it ended its topic, if the subscription is one to topics of a hub. */
  final?: boolean
}

/** The first event of a stream that was asked to say hello. */
export interface Connected {
  type: 'connected'
  connection_id: string
  topics: string[]
}

/** What was missed has been replayed; live events follow. */
export interface Resumed {
  type: 'resumed'
  from: string | null
  count: number
}

/** Events are missing at this place. */
export interface Gap {
  type: 'gap'
  reason: 'evicted' | 'unknown-id' | 'epoch-changed' | 'lagged' | 'deleted'
  /** The id that was asked for. */
  requested: string | null
  /** The oldest event that is still there. */
  oldest: string | null
}

/** Something went wrong inside the stream, which stays open. */
export interface StreamProblem {
  type: 'error'
  code: string
  message: string
  retryable: boolean
}

/**
 * The hub ends the stream; the subscription reconnects. That is at once, with headers asked for anew,
 * for `token-expired`. For `revoked` it does so once, and has failed without a provider of headers.
 */
export interface Goodbye {
  type: 'goodbye'
  reason: string
  retry_after_ms: number | null
}

/** What the hub says about the stream, as it says it. */
export type Control = Connected | Resumed | Gap | StreamProblem | Goodbye

/** What a subscription gives, in the order of the stream. */
export type Item = StreamEvent | Control

const CONTROL = /^tidings\.(connected|resumed|gap|error|goodbye)$/

/**
 * Makes an item of a decoded event. What cannot be read as a control event or as an envelope is
 * given as it is: hiding what a later version says would help nobody.
 */
export function toItem(decoded: DecodedEvent, enveloped: unknown): Item {
  const control = CONTROL.exec(decoded.event)?.[1]
  const event: StreamEvent = { ...decoded, type: 'event' }
  try {
    if (control) return { ...JSON.parse(decoded.data), type: control }
    if (enveloped) return { ...event, ...JSON.parse(decoded.data), type: 'event' }
  } catch {}
  return event
}
