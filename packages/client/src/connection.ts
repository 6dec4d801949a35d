import { createAlarm } from './alarm.js'
import type { Limits } from './decoder.js'
import { TidingsError } from './errors.js'
import { backoff, send, type Why } from './http.js'
import type { Item } from './items.js'
import { asksAnew, type RetryOptions } from './retries.js'
import type { Source } from './source.js'
import type { State } from './state.js'
import { stream } from './stream.js'

/** How to connect. */
export interface ConnectionOptions extends RetryOptions {
  /**
   * A stream on which no byte comes for so many milliseconds is taken for dead; 0 means never.
   * Default: 45 seconds, three times a hub's keep-alive.
   */
  idleTimeout?: number | undefined
  limits?: Limits | undefined
}

/** Who is told what arrives and what the connection does. None of it may throw. */
export interface Sink {
  item(item: Item): void
  state(state: State): void
  /** Settles when there is room for more. */
  room(): Promise<void> | undefined
}

/** A stream that is kept connected. */
export interface Connection {
  readonly state: State
  /** Where the next attempt begins. What is set counts if that attempt is not told of yet. */
  lastEventId: string
  /** Connects anew at once, from where the stream has got to. */
  restart(): void
  /** Ends the connection. Nobody is told anything after it. */
  close(): void
}

/** A connection that lived so many milliseconds has proved itself, even without an event. */
const PROVEN_AFTER = 10_000

/** A hub's stream has a first block, so one without a byte for so many milliseconds is held back. */
const FIRST_BYTE = 10_000

/**
 * Keeps a stream connected. All of its life is the one loop of `run`: attempts never overlap, and
 * whatever a stopped one still brings is ignored.
 */
export function connect(
  source: Source,
  options: ConnectionOptions,
  sink: Sink,
  lastEventId: string,
): Connection {
  const idle = (options.idleTimeout ?? 45_000) || Infinity
  const alarm = createAlarm(() => phase.abort(new TidingsError('idle', 'silence')))
  const connection = { state: { state: 'connecting' } as State, lastEventId, restart, close }
  /** Aborted when it is closed. */
  const life = new AbortController()
  /** Aborted to stop the attempt or the wait that is under way. */
  let phase = new AbortController()
  let paused = false
  /** How many attempts in a row have failed, and why the last one did. */
  let why: Why = { failures: 0 }
  /** Whether the provider of headers was told that they were refused. */
  let refused = false
  /** The server's reconnection time. */
  let floor = 0
  let openedAt = Infinity
  /** Whether it is a hub's stream that was asked for, which has not shown its first block yet. */
  let silent = false
  /** What a stream is told as once it shows that it comes through. */
  let opening: State
  let polls = false

  async function run(): Promise<void> {
    // Whoever made the connection gets hold of it before anything is told.
    await undefined
    while (connection.state.state !== 'closed') {
      await (paused ? sleep(Infinity, { state: 'paused' }) : tryOnce())
    }
    close()
  }

  async function tryOnce(): Promise<void> {
    phase = new AbortController()
    const { signal } = phase
    const stopped = new Promise<never>((_, reject) => signal.addEventListener('abort', reject))
    stopped.catch(() => {})
    silent = false
    openedAt = Infinity
    alarm.set(idle)
    try {
      set({ state: 'connecting' })
      const read = polls ? (await import('./poll.js')).poll : stream
      const isOver = await read({
        ...options,
        source,
        lastEventId: connection.lastEventId,
        idle,
        signal,
        ask(request) {
          // What the provider of headers takes says nothing of the stream.
          const ready = () => {
            signal.throwIfAborted()
            silent = !polls && !!source.topics
            alarm.set(Math.min(idle, silent ? FIRST_BYTE : idle))
          }
          return Promise.race([send({ ...request, signal }, options, why, ready), stopped])
        },
        opened(transport, url) {
          openedAt = Date.now()
          refused = false
          opening = { state: 'open', transport, url }
          if (!silent) set(opening)
        },
        deliver(id, arrived) {
          // What was stopped has got no further.
          signal.throwIfAborted()
          if (silent) set(opening)
          silent = false
          connection.lastEventId = id
          const item = arrived && source.take(arrived)
          if (item?.type === 'event') why = { failures: 0 }
          if (item) sink.item(item)
          // Nothing follows, and how the stream breaks off says less.
          if (item?.type === 'goodbye') {
            throw new TidingsError('closed', item.reason, { reason: item.reason })
          }
        },
        retry(delay) {
          floor = delay
        },
        async heard() {
          // Nothing is read until there is room, so silence means nothing.
          alarm.set(Infinity)
          await Promise.race([sink.room(), stopped])
          alarm.set(idle)
        },
      })
      if (isOver) set({ state: 'closed', reason: 'ended' })
      polls = false
    } catch (cause) {
      // What was stopped fails in many ways, and only the reason for stopping it matters.
      const { aborted, reason = cause } = signal
      phase.abort()
      if (reason instanceof TidingsError) await lose(reason)
      else if (!aborted) await lose(new TidingsError('network', 'no connection', { cause }))
    }
  }

  /** Decides what follows from a failed attempt, and waits if it is another one. */
  async function lose(error: TidingsError): Promise<void> {
    polls = silent && (error.type === 'idle' || openedAt < Infinity)
    const isNew = Date.now() - openedAt < PROVEN_AFTER
    const before = why.error
    why = { failures: isNew ? why.failures : 0, error }
    if (polls) return
    // The provider of headers is asked again at once, but not again and again.
    if (asksAnew(error, options) && !(error.status ? refused : isNew && before?.reason)) {
      refused = error.reason !== 'token-expired'
      return
    }
    why.failures += 1
    if (
      // The same bytes would come again and again.
      (error.type === 'limit' && before?.type === 'limit') ||
      !error.transient ||
      // Without a limit of attempts no number reaches it.
      why.failures >= (options.attempts as number)
    ) {
      set({ state: 'closed', reason: 'failed', error })
    } else {
      const delay = backoff(options.backoff, why.failures, Math.max(floor, error.retryAfter || 0))
      await sleep(delay, { state: 'waiting', error, delay })
    }
  }

  /** Waits until the delay is over or something stops the wait. */
  function sleep(delay: number, as: State): Promise<unknown> {
    phase = new AbortController()
    return new Promise((resolve) => {
      phase.signal.addEventListener('abort', resolve)
      alarm.set(delay)
      set(as)
    })
  }

  function set(next: State): void {
    // A handler may have closed the connection.
    if (connection.state.state === 'closed') return
    connection.state = next
    sink.state(next)
  }

  function close(): void {
    if (connection.state.state !== 'closed')
      connection.state = { state: 'closed', reason: 'closed' }
    alarm.stop()
    life.abort()
    phase.abort()
  }

  function restart(): void {
    paused = false
    phase.abort()
  }

  for (const [type, listener] of Object.entries({
    pagehide() {
      paused = true
      phase.abort()
    },
    pageshow: () => paused && restart(),
    visibilitychange: alarm.look,
    // A wait that the server asked for is as long on another network.
    online: () => ('error' in connection.state && connection.state.error.retryAfter) || restart(),
  })) {
    globalThis.addEventListener?.(type, listener, life)
  }
  run()
  return connection
}
