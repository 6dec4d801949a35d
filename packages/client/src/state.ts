import type { TidingsError } from './errors.js'

/** What a connection is doing. */
export type State =
  /** A request is on its way. */
  | { state: 'connecting' }
  /** Events arrive: by the stream, or by long polling because something holds the stream back. */
  | { state: 'open'; transport: 'stream' | 'poll'; url: string }
  /** There is none because of `error`; the next attempt comes after `delay` milliseconds. */
  | { state: 'waiting'; error: TidingsError; delay: number }
  /** The page is hidden where it cannot keep a connection. */
  | { state: 'paused' }
  /** It is over, because the server or the caller said so. */
  | { state: 'closed'; reason: 'ended' | 'closed' }
  /** It is over, because of an error that trying again cannot heal. */
  | { state: 'closed'; reason: 'failed'; error: TidingsError }
