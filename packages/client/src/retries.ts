import type { TidingsError } from './errors.js'
import { type Backoff, backoff, type RequestOptions } from './http.js'

/** When to try again. */
export interface RetryOptions extends RequestOptions {
  /** Bounds of the wait before a reconnect. Default: from 1 second to 60 seconds. */
  backoff?: Backoff | undefined
  /** How many attempts in a row may fail. Default: any number. */
  attempts?: number | undefined
}

/** Whether a server refused the headers, and others can be had. */
export function asksAnew({ status }: TidingsError, { headers }: RetryOptions): boolean {
  return /40[13]/.test(`${status}`) && typeof headers === 'function'
}

/**
 * The wait before the next attempt, in milliseconds, after so many failures in a row, the last two
 * for these reasons. Undefined if another attempt cannot help.
 */
export function delayAfter(
  failures: number,
  error: TidingsError,
  before: TidingsError | undefined,
  floor: number,
  { attempts = Infinity, backoff: bounds }: RetryOptions,
): number | undefined {
  // The same bytes would come again and again.
  const undecodable = error.type === 'limit' && before?.type === 'limit'
  if (undecodable || !error.transient || failures >= attempts) return undefined
  return backoff(bounds, failures, Math.max(floor, error.retryAfter ?? 0))
}
