import type { Limits } from './decoder.js'
import type { Outgoing } from './http.js'
import type { Item } from './items.js'
import type { Source } from './source.js'

/** What an attempt has of its connection, whichever way events come. */
export interface Attempt {
  source: Source
  /** The id to resume after. */
  lastEventId: string
  limits?: Limits | undefined
  /** How long nothing may come, in milliseconds. */
  idle: number
  /** Aborted when the attempt is stopped. */
  signal: AbortSignal
  /** The answer, unless the attempt is stopped first. */
  ask(request: Outgoing): Promise<Response>
  /** Events can arrive from now on, if they come through. */
  opened(transport: 'stream' | 'poll', url: string): void
  /** Takes the stream to an id, with an item or without. */
  deliver(lastEventId: string, item?: Item): void
  /** Takes the server's reconnection time, in milliseconds. */
  retry(delay: number): void
  /** Something came. Settles when there is room for more. */
  heard(): Promise<void>
}
