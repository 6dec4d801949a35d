import type { ConnectionOptions } from './connection.js'
import type { Control, StreamEvent } from './items.js'
import type { State } from './state.js'
import { type Subscription, subscribe, tell } from './subscribe.js'

/** Who follows a stream together with others. */
export interface Follower {
  onEvent(event: StreamEvent): void
  onControl(control: Control): void
  onState(state: State): void
}

/**
 * Streams that several followers share: one connection for each address and way to connect. All
 * functions that provide headers are taken for the same.
 */
export interface Pool {
  /**
   * Joins the stream, and opens it for the first follower. Who joins later is told its state and
   * the last event of each name. Returns how to leave; the last to leave closes the stream.
   */
  follow(url: string | URL, options: ConnectionOptions, follower: Follower): () => void
}

interface Shared {
  subscription: Subscription
  followers: Set<Follower>
  /** The last event of each name, the newest last. */
  latest: Map<string, StreamEvent>
}

/** Of so many event names the last event is kept for those who join later. */
const MOST_NAMES = 100

/**
 * Makes a pool: its streams are shared among those who follow by it, and with nobody else.
 *
 * ```jsx
 * // A test whose components share connections with no other test.
 * const pool = createPool()
 * render(<PoolContext.Provider value={pool}><Activity team={7} /></PoolContext.Provider>)
 * ```
 */
export function createPool(): Pool {
  const streams = new Map<string, Shared>()

  function open(key: string, url: string, options: ConnectionOptions): Shared {
    const followers = new Set<Follower>()
    const latest = new Map<string, StreamEvent>()
    const tellAll = (one: (follower: Follower) => void) => {
      for (const follower of [...followers]) if (followers.has(follower)) tell(one, follower)
    }
    const subscription = subscribe({
      ...options,
      url,
      onEvent(event) {
        latest.delete(event.event)
        latest.set(event.event, event)
        if (latest.size > MOST_NAMES) latest.delete(latest.keys().next().value as string)
        tellAll((follower) => follower.onEvent(event))
      },
      onControl: (control) => tellAll((follower) => follower.onControl(control)),
      onState(state) {
        if (state.state === 'closed') streams.delete(key)
        tellAll((follower) => follower.onState(state))
      },
    })
    const shared = { subscription, followers, latest }
    streams.set(key, shared)
    return shared
  }

  return {
    follow(url, options, follower) {
      const { href } = new URL(url, globalThis.location?.href)
      const { credentials, backoff, headers } = options
      const sent = typeof headers === 'function' ? 'asked for' : [...new Headers(headers)]
      const key = JSON.stringify([href, credentials, backoff, sent])
      const shared = streams.get(key) ?? open(key, href, options)
      const { subscription, followers, latest } = shared
      followers.add(follower)
      for (const event of latest.values()) tell((last) => follower.onEvent(last), event)
      const { state } = subscription
      // A wait that the server asked for is not cut short.
      const restarts = state.state === 'waiting' && !state.error.retryAfter
      if (restarts) subscription.restart()
      tell<State>((now) => follower.onState(now), restarts ? { state: 'connecting' } : state)
      return () => {
        followers.delete(follower)
        // Whoever comes in the place of the last one comes in the same turn.
        queueMicrotask(() => {
          if (followers.size) return
          subscription.close()
          if (streams.get(key) === shared) streams.delete(key)
        })
      }
    },
  }
}
