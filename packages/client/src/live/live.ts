import type { ConnectionOptions } from '../connection.js'
import type { TidingsError } from '../errors.js'
import { backoff, type Why } from '../http.js'
import type { StreamEvent } from '../items.js'
import { isUpTo } from '../position.js'
import { asksAnew } from '../retries.js'
import { sleep } from '../sleep.js'
import type { State } from '../state.js'
import { subscribe, tell } from '../subscribe.js'
import { within } from '../within.js'
import { PatchError } from './patch.js'
import type { Reducer } from './reduce.js'
import { fetchBody, read, type SnapshotOptions } from './snapshot.js'

/** Which resource to follow, and how its events change it. */
export interface LiveOptions<T> extends ConnectionOptions, Omit<SnapshotOptions<T>, 'signal'> {
  /** The address of the snapshot. */
  url: string | URL
  /** The address of the stream. Default: that of the snapshot with `/stream` after its path. */
  stream?: string | URL | undefined
  /** Whether there is a snapshot to fetch; if not, the stream says all. Default: true. */
  snapshot?: boolean | undefined
  /**
   * What the events do, by their names; others are ignored. Without it every event carries what a
   * snapshot does.
   */
  on?: Record<string, Reducer<T>> | undefined
  /** The id of the last event that a snapshot covers. Default: its `last_event_id`, if it has one. */
  position?: ((body: never) => string | undefined) | undefined
}

/** What is known of a resource. A new object at each change. */
export interface LiveState<T> {
  readonly value: T | undefined
  /** Whether changes arrive. */
  readonly isConnected: boolean
  /** Whether there is neither a value nor an error yet. */
  readonly isLoading: boolean
  /** Why there is no value, or why it may be old. */
  readonly error: Error | null
}

/** A resource that is followed. */
export interface Live<T> {
  readonly current: LiveState<T>
  /** Calls the listener after each change. Returns how to stop that. */
  subscribe(listener: () => void): () => void
  /** Fetches the snapshot again. */
  refresh(): void
  close(): void
}

/** A snapshot that takes longer, in milliseconds, is asked for again. */
const ANSWER_WITHIN = 30_000

/** Of nothing that was heard of yet. */
export const UNKNOWN: LiveState<never> = {
  value: undefined,
  isConnected: false,
  isLoading: true,
  error: null,
}

/**
 * Follows a resource: its snapshot and the stream of its changes are one value.
 *
 * The snapshot is fetched once the stream is open, so no change falls between the two, and again
 * after a gap, after a JSON Patch that does not fit, and when the stream could not be resumed. If
 * patches never fit there are pauses between, which grow as those before a reconnect. What a
 * snapshot already covers is not applied again, if its position is known; otherwise reducers may
 * meet a change twice.
 */
export function live<T>(options: LiveOptions<T>): Live<T> {
  const { url, stream = twin(url), on, position = positionOf } = options
  const listeners = new Set<() => void>()
  let loading = new AbortController()
  let current: LiveState<T> = UNKNOWN
  /** Settles when the snapshot that was asked for is there. Events wait for it. */
  let snapshot = Promise.resolve()
  let covered = ''
  /** Whether events are missing that no snapshot has made up for. */
  let stale = false
  /** How many patches in a row did not fit, each with a new snapshot after it. */
  let misfits = 0
  let closed = false

  const subscription = subscribe({
    ...connectionOf(options),
    url: stream,
    onState,
  })

  function set(change: Partial<LiveState<T>>): void {
    current = { ...current, ...change }
    for (const listener of [...listeners]) tell(listener, undefined)
  }

  function onState(state: State): void {
    const isOver = state.state === 'closed' && state.reason === 'ended'
    if (isOver || state.state === 'open') {
      if (stale || !subscription.lastEventId || current.value === undefined) refresh()
    }
    if (state.state === 'open') {
      set({ isConnected: true, error: stale ? current.error : null })
    } else {
      const error = 'error' in state ? { error: state.error, isLoading: false } : {}
      const nothing = isOver && options.snapshot === false ? { isLoading: false } : {}
      set({ isConnected: false, ...error, ...nothing })
    }
  }

  /** Fetches the snapshot again, after a pause of so many milliseconds. */
  function refresh(pause = 0): void {
    if (closed || options.snapshot === false) return
    loading.abort()
    loading = new AbortController()
    snapshot = load(loading.signal, pause)
  }

  async function load(signal: AbortSignal, pause: number): Promise<void> {
    if (pause) await sleep(pause, signal)
    const why: Why = { failures: 0 }
    /** Whether the provider of headers was told that they were refused. */
    let refused = false
    while (!signal.aborted) {
      try {
        const body = await within(
          ANSWER_WITHIN,
          (signal) => fetchBody(url, { ...options, signal }, why),
          signal,
        )
        const value = await read(body, options)
        if (signal.aborted) return
        covered = position(body as never) ?? ''
        stale = false
        return set({ value, isLoading: false, error: null })
      } catch (error) {
        if (signal.aborted) return
        const lost = error as TidingsError
        why.error = lost
        if (!refused && asksAnew(lost, options)) {
          refused = true
          continue
        }
        set({ error: lost, isLoading: false })
        if (!lost.transient) return
        why.failures += 1
        await sleep(backoff(options.backoff, why.failures, lost.retryAfter ?? 0), signal)
      }
    }
  }

  async function apply(event: StreamEvent): Promise<void> {
    const base = snapshot
    await base
    if (closed) return
    if (isUpTo(event.id, covered) || (on && !Object.hasOwn(on, event.event))) return
    try {
      const data = JSON.parse(event.data)
      const value = await (on ? on[event.event]?.(current.value, data) : read(data, options))
      if (closed) return
      // A snapshot that was asked for meanwhile comes first.
      if (snapshot !== base) return apply(event)
      misfits = 0
      set({ value: value as T, isLoading: false, error: stale ? current.error : null })
    } catch (error) {
      set({ error: error as Error, isLoading: false })
      if (!(error instanceof PatchError)) return
      // Patches that never fit do not ask for a snapshot each.
      renew(misfits && backoff(options.backoff, misfits, 0))
      misfits += 1
    }
  }

  /** Fetches the snapshot again, for the value is not what the server's is. */
  function renew(pause = 0): void {
    stale = options.snapshot !== false
    refresh(pause)
  }

  async function run(): Promise<void> {
    for await (const item of subscription) {
      if (item.type === 'gap') renew()
      if (item.type === 'event') await apply(item)
      if (item.type === 'error') set({ error: new Error(item.message) })
    }
  }
  // What ends the subscription was told as its state.
  run().catch(() => {})

  return {
    get current() {
      return current
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    refresh: () => refresh(),
    close() {
      closed = true
      listeners.clear()
      loading.abort()
      subscription.close()
    },
  }
}

/** The stream of the same resource. */
function twin(url: string | URL): URL {
  const stream = new URL(url, globalThis.location?.href)
  stream.pathname += '/stream'
  return stream
}

function connectionOf<T>(options: LiveOptions<T>): ConnectionOptions {
  const { headers, credentials, fetch, backoff, attempts, idleTimeout, limits } = options
  return { headers, credentials, fetch, backoff, attempts, idleTimeout, limits }
}

function positionOf(body: unknown): string | undefined {
  return (body as { last_event_id?: string } | null)?.last_event_id
}
