/**
 * What went wrong.
 *
 * | type | meaning |
 * | --- | --- |
 * | `network` | no connection, or it broke |
 * | `closed` | the server ended the stream |
 * | `idle` | no byte came for too long |
 * | `status` | the server answered with another status than asked for, see `status` |
 * | `content-type` | the answer is no event stream: most likely the address is wrong |
 * | `redirect` | a redirect could not be followed |
 * | `limit` | the stream went over a limit of the decoder |
 * | `credentials` | the provider of headers failed |
 */
export type ErrorType =
  | 'network'
  | 'closed'
  | 'idle'
  | 'status'
  | 'content-type'
  | 'redirect'
  | 'limit'
  | 'credentials'

/** A problem document (RFC 9457). */
export interface Problem {
  /** Stable, for example `urn:tidings:problem:topic-ended`. */
  type?: string
  title?: string
  detail?: string
  /** The field of the request that is to blame. */
  field?: string
}

/** The one error of this package. `type` says what went wrong, the rest what is known about it. */
export class TidingsError extends Error {
  override name = 'TidingsError'
  declare readonly type: ErrorType
  /** The HTTP status of the answer. */
  declare readonly status?: number
  /** The body of the answer, if it was a problem document. */
  declare readonly problem?: Problem | undefined
  /**
   * Why the hub has ended the stream, if it said so: `token-expired` and `revoked` mean that it
   * takes the headers no more.
   */
  declare readonly reason?: string | undefined
  /** How long the server asked to be left alone, in milliseconds. */
  declare readonly retryAfter?: number | undefined

  constructor(
    type: ErrorType,
    message: string,
    details?: Partial<Pick<TidingsError, 'status' | 'problem' | 'reason' | 'retryAfter' | 'cause'>>,
  ) {
    super(message)
    this.type = type
    Object.assign(this, details)
  }

  /** Whether the same request can work later. */
  get transient(): boolean {
    return this.status
      ? /408|425|429|5../.test(`${this.status}`)
      : !/content|redirect|revoked/.test(this.type + this.reason)
  }
}
