import type { Connection, ConnectionOptions, Sink } from '../connection.js'
import type { TidingsError } from '../errors.js'
import type { Item } from '../items.js'
import { isUpTo } from '../position.js'
import { endpoint } from '../source.js'
import type { State } from '../state.js'
import { type DeliveryOptions, deliver, type Subscription } from '../subscribe.js'
import { lead, startLeading } from './leader.js'
import {
  type Config,
  type Heard,
  locksHere,
  type Message,
  memberLock,
  PROTOCOL,
  receivedError,
  type SentError,
  type SentState,
} from './messages.js'
import { type Part, take } from './part.js'

/** How the tabs connect. All tabs of an origin are to say the same. */
export interface ShareOptions
  extends Pick<ConnectionOptions, 'headers' | 'credentials' | 'backoff' | 'idleTimeout'> {
  /** The hub's address. Default: the page's own origin. */
  hub?: string | URL | undefined
  /** Who the user is: only tabs with the same identity share a connection. Default: nobody. */
  identity?: string | undefined
  /**
   * What holds the connection: a `SharedWorker`, which outlives every tab, or one of the tabs. If
   * the worker crashes, a tab takes over. Default: a worker where there is one.
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
  /**
   * Whether other tabs share the stream. They cannot where the browser has no locks, as on pages of
   * plain http, or refuses them, as in a sandbox, which is known before anything is told. Then the
   * stream is that of all subscriptions of this tab.
   */
  readonly isShared: boolean
  /** Follows topics from now on, or after `lastEventId`. */
  subscribe(options: ShareSubscription): Subscription
  /** Ends all subscriptions of this tab. */
  close(): void
}

/**
 * Joins the stream that the tabs of this origin share. One of them, or a worker, holds the
 * connection; if it is gone another takes over from where each tab has got to. A topic that the hub
 * refuses fails the subscriptions that want it, and no other.
 */
export function share(options: ShareOptions = {}): Share {
  const hub = endpoint(options.hub, '').href
  const locks = locksHere()
  const member = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const shared = `tidings ${PROTOCOL} ${hub} ${options.identity ?? ''}`
  const alone = `${shared} ${member}`
  const name = locks ? shared : alone
  let channel = join(name)
  let isShared = !!locks
  const parts = new Set<Part>()
  const life = new AbortController()
  let state: State = { state: 'connecting' }
  let position = ''
  let said = 0

  const post = (message: Message) => {
    if (!life.signal.aborted) channel.postMessage(message)
  }

  async function announce(): Promise<void> {
    await alive
    said += 1
    const wants = [...parts].map(({ topics, after, resumes, said }) => ({
      topics,
      after: resumes ? after : '',
      resumes,
      said,
    }))
    post({ kind: 'want', member, number: said, wants, config: configOf(hub, options) })
  }

  // Others learn from the lock that this tab is gone, so it is held before they hear of the tab.
  const gone = new Promise<void>((resolve) => {
    life.signal.addEventListener('abort', () => resolve())
  })
  const alive = new Promise<void>((resolve) => {
    if (!locks) return resolve()
    locks
      .request(memberLock(name, member), () => {
        resolve()
        return gone
      })
      // A browser can refuse locks to a page, as to one in a sandbox.
      .catch(() => {
        if (life.signal.aborted) return
        isShared = false
        channel.close()
        channel = join(alone)
        life.signal.addEventListener('abort', startLeading(alone))
        resolve()
      })
  })

  function join(name: string): BroadcastChannel {
    const joined = new BroadcastChannel(name)
    joined.onmessage = ({ data }: MessageEvent<Message>) => hear(data)
    return joined
  }

  function hear(data: Message): void {
    // Tabs say no more than this to each other: anything else is said by whoever leads.
    if (data.kind === 'want' || data.kind === 'headers' || data.kind === 'restart') return
    standBy()
    if (data.kind === 'lead') {
      position = ''
      for (const part of parts) part.resumes = part.after ? said + 1 : 0
      announce()
    } else if (data.kind === 'position') follow(data.position)
    else if (data.kind === 'item') give(data.item, data.at)
    else if (data.kind === 'took') {
      for (const part of parts) if (part.resumes <= heardIn(data.heard)) part.resumes = 0
    } else if (data.kind === 'refused') refuse(data.topic, receivedError(data.error))
    else if (data.kind === 'ask') answer(data.ask, data.failures, data.error)
    else if ((data.to ?? member) === member) become(received(data.state), data.heard)
  }

  /** Up to which message of this tab. */
  function heardIn(heard: Heard): number {
    return heard[member] ?? 0
  }

  function become(now: State, heard: Heard): void {
    state = now
    const isTold = (part: Part) =>
      now.state === 'closed'
        ? part.said <= heardIn(heard)
        : part.state.state !== now.state || 'error' in now
    for (const part of [...parts].filter(isTold)) if (parts.has(part)) set(part, now)
  }

  /** Notes where the stream has got to, for what has been given nothing yet. */
  function follow(reached: string): void {
    if (!isUpTo(reached, position)) position = reached
    for (const part of parts) part.after ||= reached
  }

  function refuse(topic: string, error: TidingsError): void {
    for (const part of [...parts]) {
      if (part.topics.includes(topic)) set(part, { state: 'closed', reason: 'failed', error })
    }
  }

  function give(item: Item, at: string): void {
    if (item.type === 'gap') position = ''
    // What is replayed for others is no place to begin at.
    if (item.type === 'event' && position && !isUpTo(item.id, position)) position = item.id
    for (const part of [...parts]) {
      const given = part.resumes ? undefined : take(part, item, at)
      if (!given || !parts.has(part)) continue
      part.sink.item(given)
      if (!part.unended.size && parts.has(part)) set(part, { state: 'closed', reason: 'ended' })
    }
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
      post({ kind: 'headers', ask, member, headers: [...new Headers(given)] })
    } catch {
      post({ kind: 'headers', ask, member, headers: null })
    }
  }

  function open(topics: readonly string[], sink: Sink, after: string): Connection {
    const part: Part = {
      topics,
      sink,
      after: after || position,
      said: said + 1,
      resumes: after ? said + 1 : 0,
      unended: new Set(topics),
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

  const standBy = startLeader(name, options.leader, life.signal)

  return {
    get isShared() {
      return isShared
    },
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

/**
 * Sees to it that somebody leads: a worker if it can be started, else this tab in its turn. Returns
 * how to have this tab lead if the worker that leads now goes away.
 */
function startLeader(
  name: string,
  leader: ShareOptions['leader'],
  signal: AbortSignal,
): () => void {
  let queued = false
  const leadHere = () => {
    if (queued || signal.aborted) return
    queued = true
    let stop = lead(name)
    const on = (event: string, listener: () => void) =>
      globalThis.document?.addEventListener(event, listener, { signal })
    signal.addEventListener('abort', () => stop())
    // A frozen page would hold the stream and read nothing.
    on('freeze', () => stop())
    on('resume', () => {
      stop = lead(name)
    })
  }
  if (leader === 'tab' || !locksHere() || !globalThis.SharedWorker) leadHere()
  else {
    try {
      const worker = new SharedWorker(new URL('./worker.js', import.meta.url), { type: 'module' })
      worker.port.postMessage(name)
      worker.addEventListener('error', leadHere)
    } catch {
      leadHere()
    }
  }
  return leadHere
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
