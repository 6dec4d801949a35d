import { createDecoder, type Limits } from './decoder.js'
import { TidingsError } from './errors.js'
import { type Backoff, backoff, type Outgoing, type RequestOptions, send } from './http.js'
import { type Item, toItem } from './items.js'
import type { Source, TopicSource } from './source.js'
import type { State } from './state.js'

/** How to connect. */
export interface ConnectionOptions extends RequestOptions {
  /** Bounds of the wait before a reconnect. Default: from 1 second to 60 seconds. */
  backoff?: Partial<Backoff> | undefined
  /** How many attempts in a row may fail. Default: any number. */
  attempts?: number | undefined
  /**
   * A stream on which no byte comes for so many milliseconds is taken for dead; 0 means never.
   * Default: 45 seconds, three times a hub's keep-alive.
   */
  idleTimeout?: number | undefined
  limits?: Partial<Limits> | undefined
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
  readonly lastEventId: string
  /** Connects anew at once, from where the stream has got to. */
  restart(): void
  /** Ends the connection. Nobody is told anything after it. */
  close(): void
}

/** A connection that lived so many milliseconds has proved itself, even without an event. */
const PROVEN_AFTER = 10_000

/** A hub's stream has a first block, so one without a byte for so many milliseconds is held back. */
const FIRST_BYTE = 10_000

/** At least so often, in milliseconds, the clock is looked at: what is due may have changed. */
const LOOK_EVERY = 60_000

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
  const { attempts = Infinity } = options
  const idle = (options.idleTimeout ?? 45_000) || Infinity
  const bounds = { base: 1000, cap: 60_000, ...options.backoff }
  const page = new AbortController()
  let state: State = { state: 'connecting' }
  /** Aborted to stop the attempt or the wait that is under way. */
  let phase = new AbortController()
  /** Fails when the attempt is stopped. */
  let stopped: Promise<never>
  let paused = false
  /** How many attempts in a row have failed, and why the last one did. */
  let failures = 0
  let error: TidingsError | undefined
  /** Whether the provider of headers was told that they were refused. */
  let refused = false
  /** The server's reconnection time. */
  let retry = 0
  let openedAt = Infinity
  /** Whether the stream is a hub's and has not shown its first block yet. */
  let silent = false
  let polls = false

  /** Rings when it is time by the clock, for timers stand still while a page or machine sleeps. */
  let ring: () => void
  let due: number
  let timer: ReturnType<typeof setTimeout> | undefined

  function look(): void {
    clearTimeout(timer)
    const left = due - Date.now()
    if (left <= 0) ring()
    else timer = setTimeout(look, Math.min(left, LOOK_EVERY))
  }

  function alarm(delay: number, action: () => void): void {
    ring = action
    due = Date.now() + delay
    look()
  }

  function set(next: State): void {
    // A handler may have closed the connection.
    if (state.state === 'closed') return
    state = next
    sink.state(state)
  }

  function finish(last: State): void {
    set(last)
    close()
  }

  function close(): void {
    if (state.state !== 'closed') state = { state: 'closed', reason: 'closed' }
    clearTimeout(timer)
    page.abort()
    phase.abort()
  }

  function restart(): void {
    paused = false
    phase.abort()
  }

  /** Takes the stream to an id, with an item or without. What is closed has got no further. */
  function deliver(id: string, arrived?: Item): void {
    if (state.state === 'closed') return
    lastEventId = id
    const item = arrived && source.take(arrived)
    if (!item) return
    if (item.type === 'event') {
      failures = 0
      error = undefined
    }
    sink.item(item)
  }

  function opened(transport: 'stream' | 'poll', url: string): void {
    openedAt = Date.now()
    refused = false
    set({ state: 'open', transport, url })
  }

  /** Waits for room after something came. Meanwhile nothing is read, so silence means nothing. */
  async function heard(): Promise<void> {
    silent = false
    due = Infinity
    await sink.room()
    due = Date.now() + idle
  }

  /** The answer, unless the attempt is stopped first, whatever the request makes of that. */
  function ask(request: Outgoing): Promise<Response> {
    const sent = send({ ...request, signal: phase.signal }, options, { failures, error })
    return Promise.race([sent, stopped])
  }

  async function stream(): Promise<boolean> {
    // An id goes out as its bytes of UTF-8. One with control characters cannot be sent.
    const id = String.fromCharCode(...new TextEncoder().encode(lastEventId))
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (/^[\t -~\x80-\xff]+$/.test(id)) headers['last-event-id'] = id
    const response = await ask({ ...source.request(), headers })
    if (response.status === 204) return true
    const type = response.headers.get('content-type')
    if (!/^text\/event-stream *(;|$)/i.test(`${type}`)) {
      throw new TidingsError('content-type', `${type} is no stream`)
    }
    const decoder = createDecoder(
      {
        event: (event) => deliver(event.id, toItem(event, source.topics)),
        retry(delay) {
          retry = delay
        },
      },
      options.limits,
      lastEventId,
    )
    opened('stream', response.url)
    // There is none where streams cannot be read.
    const reader = (response.body as ReadableStream<Uint8Array>).getReader()
    stopped.catch(() => reader.cancel()).catch(() => {})
    for (;;) {
      const { done, value } = await reader.read()
      if (done) throw new TidingsError('closed', 'stream ended')
      try {
        decoder.push(value)
      } finally {
        deliver(decoder.lastEventId)
      }
      await heard()
      if (source.ended()) return true
    }
  }

  /** Whether nothing can follow. */
  async function attempt(): Promise<boolean> {
    silent = !polls && !!source.topics
    openedAt = Infinity
    alarm(silent ? Math.min(idle, FIRST_BYTE) : idle, () =>
      phase.abort(new TidingsError('idle', 'silence')),
    )
    set({ state: 'connecting' })
    if (!polls) return stream()
    const { poll } = await import('./poll.js')
    return poll({
      topics: source.topics as TopicSource,
      lastEventId,
      idle,
      ask,
      opened: (url) => opened('poll', url),
      deliver,
      heard,
      ended: source.ended,
    })
  }

  /** Decides what follows from a failed attempt, and waits if it is another one. */
  async function lose(lost: TidingsError): Promise<void> {
    const before = error
    error = lost
    polls = silent && (lost.type === 'idle' || openedAt < Infinity)
    if (polls) return
    // The provider of headers is asked again once, and at once.
    if (/40[13]/.test(`${lost.status}`) && typeof options.headers === 'function' && !refused) {
      refused = true
      return
    }
    if (Date.now() - openedAt >= PROVEN_AFTER) failures = 0
    // The same bytes would come again and again.
    const undecodable = failures && lost.type === 'limit' && before?.type === 'limit'
    failures += 1
    if (undecodable || !lost.transient || failures >= attempts) {
      finish({ state: 'closed', reason: 'failed', error })
      return
    }
    const delay = backoff(bounds, failures, Math.max(retry, lost.retryAfter ?? 0))
    await sleep(delay, { state: 'waiting', error, delay })
  }

  /** Waits until the delay is over or something stops the wait. */
  function sleep(delay: number, as: State): Promise<void> {
    phase = new AbortController()
    return new Promise((resolve) => {
      phase.signal.addEventListener('abort', () => resolve())
      alarm(delay, resolve)
      set(as)
    })
  }

  async function tryOnce(): Promise<void> {
    phase = new AbortController()
    const { signal } = phase
    stopped = new Promise((_, reject) => signal.addEventListener('abort', reject))
    stopped.catch(() => {})
    try {
      if (await attempt()) finish({ state: 'closed', reason: 'ended' })
      polls = false
    } catch (cause) {
      // What was stopped fails in many ways, and only the reason for stopping it matters.
      const { aborted, reason = cause } = signal
      phase.abort()
      if (reason instanceof TidingsError) await lose(reason)
      else if (!aborted) await lose(new TidingsError('network', 'no connection', { cause }))
    }
  }

  async function run(): Promise<void> {
    // Whoever made the connection gets hold of it before anything is told.
    await undefined
    while (state.state !== 'closed') {
      await (paused ? sleep(Infinity, { state: 'paused' }) : tryOnce())
    }
  }

  for (const [type, listener] of Object.entries({
    pagehide() {
      paused = true
      phase.abort()
    },
    pageshow: () => paused && restart(),
    visibilitychange: look,
    // A wait that the server asked for is as long on another network.
    online: () => ('error' in state && state.error.retryAfter) || restart(),
  })) {
    globalThis.addEventListener?.(type, listener, page)
  }
  run()
  return {
    get state() {
      return state
    },
    get lastEventId() {
      return lastEventId
    },
    restart,
    close,
  }
}
