import type { TidingsError } from './errors.js'
import type { Backoff, RequestOptions } from './http.js'

/** When to try again. */
export interface RetryOptions extends RequestOptions {
  /** Bounds of the wait before a reconnect. Default: from 1 second to 60 seconds. */
  backoff?: Backoff | undefined
  /** How many attempts in a row may fail. Default: any number. */
  attempts?: number | undefined
}

/** Whether a server refuses the headers, or does so from now on, and others can be had. */
export function asksAnew(error: TidingsError, options: RetryOptions): boolean {
  const why = `${error.status}${error.reason}`
  return /40[13]|token-expired|revoked/.test(why) && typeof options.headers === 'function'
}
