import type { Connection, ConnectionOptions, Sink } from '../connection.js'
import { TidingsError } from '../errors.js'
import type { Item } from '../items.js'
import { isUpTo } from '../position.js'
import { endpoint } from '../source.js'
import type { State } from '../state.js'
import { type DeliveryOptions, deliver, type Subscription } from '../subscribe.js'
import { lead } from './leader.js'
import {
  type Config,
  type Message,
  memberLock,
  type SentError,
  type SentState,
} from './messages.js'
import { matches } from './selector.js'

/** How the tabs connect. All tabs of an origin are to say the same. */
export interface ShareOptions
  extends Pick<ConnectionOptions, 'headers' | 'credentials' | 'backoff' | 'idleTimeout'> {
  /** The hub's address. Default: the page's own origin. */
  hub?: string | URL | undefined
  /** Who the user is: only tabs with the same identity share a connection. Default: nobody. */
  identity?: string | undefined
  /**
   * What holds the connection: a `SharedWorker`, which outlives every tab, or one of the tabs.
   * Default: a worker where there is one.
   */
  leader?: 'worker' | 'tab' | undefined
}

/** What a tab follows on the shared stream. */
export interface ShareSubscription extends Omit<DeliveryOptions, 'cursor' | 'queue'> {
  /** Topics, and patterns: a segment may be `*`, and the last one `**`. */
  topics: readonly string[]
  /** How many items may wait to be read; the oldest are lost when there are more. Default: 1000. */
  limit?: number | undefined
}

/** The stream that this tab shares with others. */
export interface Share {
  /** Follows topics from now on, or after `lastEventId`. */
  subscribe(options: ShareSubscription): Subscription
  /** Ends all subscriptions of this tab. */
  close(): void
}

/** A subscription of this tab. */
interface Part {
  topics: readonly string[]
  sink: Sink
  /** The last event it has been given, or from which on it is to be given any. */
  after: string
  /** Whether whoever leads has not heard yet what it resumes after. */
  resumes: boolean
  /** The topics that have not ended; none if it does not end by itself. */
  unended: Set<string> | undefined
  state: State
}

/**
 * Joins the stream that the tabs of this origin share. One of them, or a worker, holds the
 * connection; if it is gone another takes over from where each tab has got to.
 */
export function share(options: ShareOptions = {}): Share {
  const hub = endpoint(options.hub, '').href
  const name = `tidings ${hub} ${options.identity ?? ''}`
  const member = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const channel = new BroadcastChannel(name)
  const parts = new Set<Part>()
  const life = new AbortController()
  let state: State = { state: 'connecting' }
  let position = ''

  const post = (message: Message) => {
    if (!life.signal.aborted) channel.postMessage(message)
  }

  async function announce(): Promise<void> {
    await alive
    const wants = [...parts].map(({ topics, after, resumes }) => ({
      topics,
      after: after || position,
      resumes,
    }))
    post({ kind: 'want', member, wants, config: configOf(hub, options) })
    for (const part of parts) part.resumes = false
  }

  // Others learn from the lock that this tab is gone, so it is held before they hear of the tab.
  const gone = new Promise<void>((resolve) => {
    life.signal.addEventListener('abort', () => resolve())
  })
  const alive = new Promise<void>((resolve) => {
    navigator.locks.request(memberLock(name, member), () => {
      resolve()
      return gone
    })
  })

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'lead') {
      for (const part of parts) part.resumes = true
      announce()
    } else if (data.kind === 'position') follow(data.position)
    else if (data.kind === 'item') for (const part of [...parts]) give(part, data.item)
    else if (data.kind === 'ask') answer(data.ask, data.failures, data.error)
    else if (data.kind === 'state') {
      const now = received(data.state)
      const news = [...parts].filter((part) => part.state.state !== now.state || 'error' in now)
      state = now
      for (const part of news) set(part, now)
    }
  }

  /** Notes where the stream has got to, for what has been given nothing yet. */
  function follow(reached: string): void {
    if (!isUpTo(reached, position)) position = reached
    for (const part of parts) part.after ||= reached
  }

  function give(part: Part, item: Item): void {
    if (item.type === 'gap') {
      // What is gone for another may have been seen here.
      if (item.reason === 'evicted' && isUpTo(item.oldest ?? '', part.after)) return
      part.after = position = ''
    }
    if (item.type !== 'event') return part.sink.item(item)
    const { id, topic = '', final } = item
    if (!isUpTo(id, position)) position = id
    if (isUpTo(id, part.after)) return
    part.after = id
    if (!part.topics.some((selector) => matches(selector, topic))) return
    part.sink.item(item)
    part.unended?.[final ? 'delete' : 'add'](topic)
    if (part.unended?.size === 0) set(part, { state: 'closed', reason: 'ended' })
  }

  function set(part: Part, now: State): void {
    part.state = now
    if (now.state === 'closed') leave(part)
    part.sink.state(now)
  }

  function leave(part: Part): void {
    if (parts.delete(part)) announce()
  }

  async function answer(ask: number, failures: number, error?: SentError): Promise<void> {
    const { headers } = options
    if (typeof headers !== 'function') return
    try {
      const given = await headers({ failures, error: error && receivedError(error) })
      post({ kind: 'headers', ask, headers: [...new Headers(given)] })
    } catch {
      post({ kind: 'headers', ask, headers: null })
    }
  }

  function open(topics: readonly string[], sink: Sink, after: string): Connection {
    const literal = !topics.some((topic) => topic.includes('*'))
    const unended = literal ? new Set(topics) : undefined
    const part: Part = {
      topics,
      sink,
      after: after || position,
      resumes: !!after,
      unended,
      state: state.state === 'closed' ? { state: 'connecting' } : state,
    }
    parts.add(part)
    queueMicrotask(() => {
      if (!parts.has(part)) return
      if (life.signal.aborted) set(part, { state: 'closed', reason: 'closed' })
      else sink.state(part.state)
    })
    announce()
    return {
      get state() {
        return part.state
      },
      get lastEventId() {
        return part.after
      },
      restart: () => post({ kind: 'restart' }),
      close() {
        if (part.state.state !== 'closed') part.state = { state: 'closed', reason: 'closed' }
        leave(part)
      },
    }
  }

  startLeader(name, options.leader, life.signal)

  return {
    subscribe({ topics, limit, ...delivery }) {
      const queue = { limit, whenFull: 'drop-oldest' } as const
      return deliver((sink, after) => open(topics, sink, after), { ...delivery, queue })
    },
    close() {
      life.abort()
      for (const part of [...parts]) set(part, { state: 'closed', reason: 'closed' })
      channel.close()
    },
  }
}

/** Sees to it that somebody leads: a worker if it can be started, else this tab in its turn. */
function startLeader(name: string, leader: ShareOptions['leader'], signal: AbortSignal): void {
  const leadHere = () => {
    if (!signal.aborted) signal.addEventListener('abort', lead(name))
  }
  if (leader === 'tab' || !globalThis.SharedWorker) return leadHere()
  try {
    const worker = new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module' })
    worker.port.postMessage(name)
    worker.addEventListener('error', leadHere)
  } catch {
    leadHere()
  }
}

function configOf(
  hub: string,
  { headers, credentials, backoff, idleTimeout }: ShareOptions,
): Config {
  const sent = typeof headers === 'function' ? 'ask' : [...new Headers(headers)]
  return { hub, headers: sent, credentials, backoff, idleTimeout }
}

function received(state: SentState): State {
  return 'error' in state ? { ...state, error: receivedError(state.error) } : state
}

function receivedError({ type, message, status, retryAfter }: SentError): TidingsError {
  return new TidingsError(type, message, { ...(status && { status }), retryAfter })
}
