import {
  type Context,
  createContext,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'

import { type Live, type LiveOptions, type LiveState, live, UNKNOWN } from './live/live.js'
import { createPool, type Pool } from './pool.js'
import { createSSE, IDLE, type SSE, type SSEState, type UseSSEOptions } from './sse.js'

export type { LiveOptions, Pool, UseSSEOptions }
export { createPool }

/** What {@link useSSE} gives. */
export type UseSSE<T> = SSEState<T> & Pick<SSE<T>, 'connect' | 'disconnect'>

/** What {@link useLive} gives. */
export type UseLive<T> = LiveState<T> & Pick<Live<T>, 'refresh'>

/**
 * The streams that components share. Without a provider it is those of the page; nothing is in it
 * before an effect has run, so never on a server.
 *
 * ```jsx
 * // What is inside shares connections with nothing outside.
 * const [pool] = useState(createPool)
 * return <PoolContext.Provider value={pool}>{children}</PoolContext.Provider>
 * ```
 */
export const PoolContext: Context<Pool> = createContext(createPool())

/**
 * Follows the events of one name on a stream. Components that connect to the same address share
 * the connection; it is closed when the last of them is unmounted. New options never reconnect:
 * they are used by the next `connect`.
 */
export function useSSE<T>(eventName: string, options: UseSSEOptions<T> = {}): UseSSE<T> {
  const pool = useContext(PoolContext)
  const latest = useRef(options)
  const [sse] = useState(() => createSSE<T>(pool, eventName, () => latest.current))
  const state = useSyncExternalStore(
    sse.subscribe,
    () => sse.current,
    () => IDLE,
  )
  useEffect(() => {
    latest.current = options
  })
  const isGone = useRef(false)
  useEffect(() => {
    isGone.current = false
    return () => {
      isGone.current = true
      sse.disconnect()
    }
  }, [sse])
  const connect = useCallback(
    (url: string | URL) => {
      sse.connect(url)
      // In StrictMode the effects of children run again before it is back.
      if (isGone.current) queueMicrotask(() => isGone.current && sse.disconnect())
    },
    [sse],
  )
  return { ...state, connect, disconnect: sse.disconnect }
}

/** Follows a resource, its snapshot and the stream of its changes, for as long as it is mounted. */
export function useLive<T>(options: LiveOptions<T>): UseLive<T> {
  const latest = useRef(options)
  /** What is followed, and at which address. */
  const followed = useRef<{ url: string; live: Live<T> } | undefined>(undefined)
  latest.current = options
  const url = `${options.url} ${options.stream}`
  const subscribe = useCallback(
    (listener: () => void) => {
      const opened = live(latest.current)
      followed.current = { url, live: opened }
      opened.subscribe(listener)
      return () => opened.close()
    },
    [url],
  )
  const state = useSyncExternalStore(
    subscribe,
    // What was followed before is not shown as the new address's.
    () => (followed.current?.url === url ? followed.current.live.current : UNKNOWN),
    () => UNKNOWN,
  )
  const refresh = useCallback(() => followed.current?.live.refresh(), [])
  return { ...state, refresh }
}
