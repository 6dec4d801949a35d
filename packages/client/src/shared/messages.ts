import { type ErrorType, type Problem, TidingsError } from '../errors.js'
import type { Backoff } from '../http.js'
import type { Item } from '../items.js'
import type { State } from '../state.js'

/** What a tab wants to have followed. */
export interface Want {
  topics: readonly string[]
  /** What it resumes after. Empty if that is on the stream, or if it begins with what comes. */
  after: string
  /** The first message that tells whoever leads now that it resumes there; 0 if it does not. */
  resumes: number
  /** The first message of the tab that told of it. */
  said: number
}

/** The numbers of messages of the tabs, each the last of its tab. */
export type Heard = Record<string, number>

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
  reason?: string | undefined
  retryAfter?: number | undefined
}

export function sentError(error: TidingsError): SentError {
  const { type, message, status, problem, reason, retryAfter } = error
  return { type, message, status, problem, reason, retryAfter }
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

/** Which messages there are. Tabs that run another version of them share nothing with these. */
export const PROTOCOL = 2

/** What is said on the channel that all tabs and the one who leads share. */
export type Message =
  /** Somebody leads from now on, and does not know yet what is wanted. */
  | { kind: 'lead' }
  /** All that a tab wants, whenever that changes and whenever somebody new leads. */
  | { kind: 'want'; member: string; number: number; wants: Want[]; config: Config }
  /** What was resumed in the messages up to these is on the stream from here on. */
  | { kind: 'took'; heard: Heard }
  /** What wants this topic has failed, and nothing else. */
  | { kind: 'refused'; topic: string; error: SentError }
  /**
   * What the stream does, for all or for one tab. If it is closed, that is for what was wanted first
   * in the messages up to these.
   */
  | { kind: 'state'; state: SentState; to?: string; heard: Heard }
  /** What came, and where the stream is with it. */
  | { kind: 'item'; item: Item; at: string }
  /** What begins with what comes begins here; empty once there is no stream. */
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
