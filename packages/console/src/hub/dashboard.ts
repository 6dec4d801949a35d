import { type UseLive, useLive } from 'tidings/vue'
import {
  computed,
  effectScope,
  type InjectionKey,
  inject,
  onScopeDispose,
  provide,
  shallowRef,
  watch,
} from 'vue'
import { store, stored } from '../parts/storage.js'
import { type Board, boardOf, REDUCERS } from './board.js'
import type { DashboardBody } from './bodies.js'
import { address, fetchBody, isAbsent } from './calls.js'
import { paced } from './paced.js'

/** How the connection to the hub is. */
export type Link = 'live' | 'connecting' | 'away'

/** Waits before another attempt, in milliseconds: somebody is looking. */
export const BACKOFF = { base: 500, cap: 5000 }

/** Where the last notification that was seen is kept over reloads. */
const SEEN = 'seen'

/** Without an event for so long, in milliseconds, pages ask again by themselves. */
const AT_LEAST_EVERY = 5000

export type Dashboard = ReturnType<typeof createDashboard>

const KEY: InjectionKey<Dashboard> = Symbol('dashboard')

/** What the hub says of itself, for all of the page: one stream, whatever is shown. */
export function provideDashboard(): Dashboard {
  const dashboard = createDashboard()
  provide(KEY, dashboard)
  return dashboard
}

export function useDashboard(): Dashboard {
  const dashboard = inject(KEY)
  if (!dashboard) throw new Error('the dashboard is provided by the application')
  return dashboard
}

function createDashboard() {
  const live = useLive<Board>({
    url: address('api/dashboard'),
    backoff: BACKOFF,
    select: (body: DashboardBody) => boardOf(body, stored(SEEN)),
    position: (body: DashboardBody) => body.last_event_id ?? undefined,
    on: REDUCERS,
  })
  const isMissing = computed(() => !live.value.value && isAbsent(live.error.value))
  /** What shows whether a hub without dashboards is there. */
  const topics = shallowRef<UseLive<unknown>>()
  const scope = effectScope()
  watch(isMissing, () => {
    const url = address('api/topics', { limit: 1 })
    topics.value ??= scope.run(() => useLive({ url, backoff: BACKOFF, snapshot: false }))
  })
  const link = computed<Link>(() => {
    const { isConnected, isLoading } = topics.value ?? live
    if (isConnected.value) return 'live'
    return isLoading.value ? 'connecting' : 'away'
  })
  /** How many of the notifications that arrived were looked at since the snapshot. */
  const read = shallowRef({ of: {}, count: 0 })
  const unread = computed(() => {
    const board = live.value.value
    if (!board) return 0
    return board.arrived - (read.value.of === board.origin ? read.value.count : 0)
  })

  function markRead(): void {
    const board = live.value.value
    if (!board || unread.value === 0) return
    read.value = { of: board.origin, count: board.arrived }
    fetchBody<DashboardBody>('api/dashboard')
      .then(({ last_event_id }) => last_event_id && store(SEEN, last_event_id))
      .catch(() => {
        // After a reload they count as new again.
      })
  }

  const refetch = paced(async () => live.refresh())
  watch(
    () => live.value.value?.foreign,
    (now, before) => {
      if (now && before !== undefined && now > before) refetch.ask()
    },
  )
  onScopeDispose(refetch.stop)
  return { board: live.value, link, isMissing, unread, markRead }
}

/**
 * Has what a page shows fetched again after events that may have changed it, and now and then
 * without any; not while nobody looks, and then at once.
 */
export function usePulse(refetch: () => Promise<unknown> | undefined): void {
  const { board } = useDashboard()
  const pace = paced(refetch)
  const ask = () => document.visibilityState === 'visible' && pace.ask()
  watch(() => board.value?.pulse, ask)
  const timer = setInterval(ask, AT_LEAST_EVERY)
  document.addEventListener('visibilitychange', ask)
  onScopeDispose(() => {
    pace.stop()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', ask)
  })
}
