import { type ErrorType, type Problem, TidingsError } from '../errors.js'
import type { Backoff } from '../http.js'
import type { Item } from '../items.js'
import type { State } from '../state.js'

/** What a tab wants to have followed. */
export interface Want {
  topics: readonly string[]
  /** The last event it has seen; empty if it wants what comes from now on. */
  after: string
  /** Whether it may have missed what came after that. */
  resumes: boolean
}

/** How the one who leads connects: what can be sent from one tab to another. */
export interface Config {
  hub: string
  credentials?: RequestCredentials | undefined
  idleTimeout?: number | undefined
  backoff?: Backoff | undefined
  /** Headers as they are, or that a tab is to be asked for them. */
  headers?: [string, string][] | 'ask' | undefined
}

/** A `TidingsError` on its way between tabs. */
export interface SentError {
  type: ErrorType
  message: string
  status?: number | undefined
  problem?: Problem | undefined
  retryAfter?: number | undefined
}

export function sentError({ type, message, status, problem, retryAfter }: TidingsError): SentError {
  return { type, message, status, problem, retryAfter }
}

export function receivedError({ type, message, status, ...rest }: SentError): TidingsError {
  return new TidingsError(type, message, { ...(status && { status }), ...rest })
}

/** A `State` on its way between tabs. */
export type SentState = State extends infer One
  ? One extends { error: unknown }
    ? Omit<One, 'error'> & { error: SentError }
    : One
  : never

/** What is said on the channel that all tabs and the one who leads share. */
export type Message =
  /** Somebody leads from now on, and does not know yet what is wanted. */
  | { kind: 'lead' }
  /** All that a tab wants, whenever that changes and whenever somebody new leads. */
  | { kind: 'want'; member: string; number: number; wants: Want[]; config: Config }
  /** What a tab has resumed with this want is on the stream from here on. */
  | { kind: 'took'; member: string; number: number }
  /** What wants this topic has failed, and nothing else. */
  | { kind: 'refused'; topic: string; error: SentError }
  /** What the connection does. */
  | { kind: 'state'; state: SentState }
  | { kind: 'item'; item: Item }
  /** Some topics are followed from this position on. */
  | { kind: 'position'; position: string }
  /** A tab is asked for headers, because of an error if there is one. */
  | { kind: 'ask'; ask: number; failures: number; error?: SentError | undefined }
  | { kind: 'headers'; ask: number; member: string; headers: [string, string][] | null }
  /** The stream is to be connected anew. */
  | { kind: 'restart' }

/** The locks of the origin. There are none on pages of plain http. */
export function locksHere(): LockManager | undefined {
  return globalThis.navigator?.locks
}

/** The lock that a tab holds for as long as it lives. */
export function memberLock(name: string, member: string): string {
  return `${name} ${member}`
}
