import {
  type ComputedRef,
  computed,
  getCurrentInstance,
  getCurrentScope,
  hasInjectionContext,
  type InjectionKey,
  inject,
  onScopeDispose,
  shallowRef,
  ssrContextKey,
} from 'vue'

import { type Live, type LiveOptions, type LiveState, live, UNKNOWN } from './live/live.js'
import { createPool, type Pool } from './pool.js'
import { createSSE, type SSE, type SSEState, type UseSSEOptions } from './sse.js'

export type { LiveOptions, UseSSEOptions }

/** Each part of a state as a ref. */
type Refs<State> = { readonly [Part in keyof State]: ComputedRef<State[Part]> }

/** What {@link useSSE} gives. */
export type UseSSE<T> = Refs<SSEState<T>> & Pick<SSE<T>, 'connect' | 'disconnect'>

/** What {@link useLive} gives. */
export type UseLive<T> = Refs<LiveState<T>> & Pick<Live<T>, 'refresh'>

/** The streams that the components of an application share. */
const POOL: InjectionKey<Pool> = Symbol('tidings')

/**
 * Follows the events of one name on a stream. Components that connect to the same address share
 * the connection; it is closed when the last of their scopes is gone. On a server nothing connects.
 */
export function useSSE<T>(eventName: string, options: UseSSEOptions<T> = {}): UseSSE<T> {
  const sse = createSSE<T>(usePool(), eventName, () => options)
  const state = bind(sse, sse.disconnect)
  const scope = getCurrentScope()
  const part = <Name extends keyof SSEState<T>>(name: Name) => computed(() => state.value[name])
  return {
    data: part('data'),
    isConnected: part('isConnected'),
    isLoading: part('isLoading'),
    error: part('error'),
    connect: isServer() ? () => {} : (url) => scope?.active === false || sse.connect(url),
    disconnect: sse.disconnect,
  }
}

/** Follows a resource, its snapshot and the stream of its changes, for as long as the scope lives. */
export function useLive<T>(options: LiveOptions<T>): UseLive<T> {
  const followed: Live<T> = isServer() ? absent() : live(options)
  const state = bind(followed, followed.close)
  const part = <Name extends keyof LiveState<T>>(name: Name) => computed(() => state.value[name])
  return {
    value: part('value'),
    isConnected: part('isConnected'),
    isLoading: part('isLoading'),
    error: part('error'),
    refresh: followed.refresh,
  }
}

/** The current state of a store as a ref, until the scope is gone. */
function bind<State>(
  store: { current: State; subscribe(listener: () => void): () => void },
  dispose: () => void,
) {
  const state = shallowRef(store.current)
  const stop = store.subscribe(() => {
    state.value = store.current
  })
  if (getCurrentScope()) {
    onScopeDispose(() => {
      stop()
      dispose()
    })
  }
  return state
}

/** The pool of the application, or one for this use alone where there is none. */
function usePool(): Pool {
  const found = hasInjectionContext() ? inject(POOL, null) : null
  const pool = found ?? createPool()
  if (!found) getCurrentInstance()?.appContext.app.provide(POOL, pool)
  return pool
}

function isServer(): boolean {
  return hasInjectionContext() && inject(ssrContextKey, null) !== null
}

function absent(): Live<never> {
  return { current: UNKNOWN, subscribe: () => () => {}, refresh() {}, close() {} }
}
