import type { ConnectionOptions } from './connection.js'
import type { StreamEvent } from './items.js'
import type { Pool } from './pool.js'
import type { State } from './state.js'
import { tell } from './subscribe.js'

/** How `useSSE` connects, and what it makes of an event. */
export interface UseSSEOptions<T> extends Omit<ConnectionOptions, 'backoff' | 'credentials'> {
  /** The shortest wait before a reconnect, in milliseconds. Default: 5000. */
  reconnectDelay?: number | undefined
  /** Whether cookies are sent to other origins. Default: true. */
  withCredentials?: boolean | undefined
  /**
   * The part of the payload that is the data: a property, the first property (`first-key`), or what
   * a function makes of it. Default: the value of an object with a single property, else all of it.
   */
  select?: string | ((payload: never) => T) | undefined
  /** Whether the data stays while another address is connected to. Default: false. */
  keepData?: boolean | undefined
}

/** What is known of the stream. A new object at each change. */
export interface SSEState<T> {
  readonly data: T | null
  readonly isConnected: boolean
  /** Whether there was neither an event nor an error since `connect`. True before it. */
  readonly isLoading: boolean
  readonly error: string | null
}

/** The last event of one name on one stream, as a value to be watched. */
export interface SSE<T> {
  readonly current: SSEState<T>
  /** Calls the listener after each change. Returns how to stop that. */
  subscribe(listener: () => void): () => void
  /** Connects to this stream, and leaves the one before. */
  connect(url: string | URL): void
  disconnect(): void
}

/** Of what was not connected yet. */
export const IDLE: SSEState<never> = {
  data: null,
  isConnected: false,
  isLoading: true,
  error: null,
}

/** Follows the events called `name`. The options are asked for whenever they are used. */
export function createSSE<T>(pool: Pool, name: string, options: () => UseSSEOptions<T>): SSE<T> {
  const listeners = new Set<() => void>()
  let current: SSEState<T> = IDLE
  let connectedTo = ''
  let leave: (() => void) | undefined

  function set(change: Partial<SSEState<T>>): void {
    current = { ...current, ...change }
    for (const listener of [...listeners]) tell(listener, undefined)
  }

  function onEvent({ event, data }: StreamEvent): void {
    try {
      if (event === name) {
        const picked = pick<T>(JSON.parse(data), options().select)
        set({ data: picked, isConnected: true, isLoading: false, error: null })
      } else if (event === 'error') {
        const reported = JSON.parse(data)?.error ?? 'the server reports an error'
        const text = typeof reported === 'string' ? reported : JSON.stringify(reported)
        set({ error: text, isLoading: false })
      }
    } catch (error) {
      set({ error: `${event}: ${(error as Error).message}`, isLoading: false })
    }
  }

  function onState(state: State): void {
    if (state.state === 'open') set({ isConnected: true, error: null })
    else if ('error' in state)
      set({ isConnected: false, isLoading: false, error: state.error.message })
    else if (state.state === 'closed') set({ isConnected: false, isLoading: false })
    else set({ isConnected: false })
  }

  return {
    get current() {
      return current
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    connect(url) {
      const before = leave
      const kept = `${url}` === connectedTo || options().keepData ? {} : { data: null }
      connectedTo = `${url}`
      set({ isConnected: false, isLoading: true, error: null, ...kept })
      leave = pool.follow(url, connectionOf(options()), {
        onEvent,
        onControl: (control) => {
          if (control.type === 'error') set({ error: control.message, isLoading: false })
        },
        onState,
      })
      before?.()
    },
    disconnect() {
      if (!leave) return
      leave()
      leave = undefined
      set({ isConnected: false, isLoading: false })
    },
  }
}

function connectionOf<T>(options: UseSSEOptions<T>): ConnectionOptions {
  const { reconnectDelay = 5000, withCredentials = true, select, keepData, ...rest } = options
  return {
    ...rest,
    credentials: withCredentials ? 'include' : 'same-origin',
    backoff: { base: reconnectDelay, cap: Math.max(60_000, reconnectDelay) },
  }
}

function pick<T>(payload: unknown, select: UseSSEOptions<T>['select']): T {
  if (typeof select === 'function') return select(payload as never)
  if (typeof payload !== 'object' || payload === null || Array.isArray(payload)) return payload as T
  const [first, ...others] = Object.keys(payload)
  const key = select === 'first-key' || (!select && !others.length) ? first : select
  return (key === undefined ? payload : payload[key as keyof typeof payload]) as T
}
