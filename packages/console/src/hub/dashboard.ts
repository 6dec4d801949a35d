import { type LiveOptions, type UseLive, useLive } from 'tidings/vue'
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
import { address, explain, fetchBody, isAbsent, isForbidden } from './calls.js'
import { credentials } from './credentials.js'
import { paced } from './paced.js'

/** How the connection to the hub is. */
export type Link = 'live' | 'connecting' | 'away' | 'out' | 'refused'

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
  const live = useFollowed<Board>({
    url: address('api/dashboard'),
    select: (body: DashboardBody) => boardOf(body, stored(SEEN)),
    position: (body: DashboardBody) => body.last_event_id ?? undefined,
    on: REDUCERS,
  })
  /** Why the hub does not show it, if these credentials may not see it. */
  const refusal = computed(() => (isForbidden(live.error.value) ? explain(live.error.value) : ''))
  const isMissing = computed(
    () => !live.value.value && (isAbsent(live.error.value) || refusal.value !== ''),
  )
  /** What shows whether a hub is there that has no dashboards, or none for these credentials. */
  const topics = shallowRef<UseLive<unknown>>()
  const scope = effectScope()
  watch(isMissing, () => {
    const url = address('api/topics', { limit: 1 })
    topics.value ??= scope.run(() => useFollowed({ url, snapshot: false }))
  })
  const link = computed<Link>(() => {
    const { isConnected, isLoading, error } = topics.value ?? live
    if (isConnected.value) return 'live'
    if (isSignInNeeded()) return 'out'
    if (isForbidden(error.value)) return 'refused'
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
  return { board: live.value, link, refusal, isMissing, unread, markRead }
}

/** A resource that a page follows, with what the page shows the hub. */
export function useFollowed<T>(options: LiveOptions<T>): UseLive<T> {
  return useLive({ backoff: BACKOFF, headers: credentials.provider(), ...options })
}

/** Has a resource that is followed fetched again likewise. */
export function useFollowedPulse({ refresh, error }: UseLive<unknown>): void {
  usePulse(async () => {
    if (isForbidden(error.value)) throw error.value
    refresh()
  })
}

/**
 * Has what a page shows fetched again after events that may have changed it, and now and then
 * without any; not while nobody looks, and then at once. What is refused for its credentials is not
 * asked for again.
 */
export function usePulse(refetch: () => Promise<unknown> | undefined): void {
  const { board } = useDashboard()
  const pace = paced(async () => {
    try {
      await refetch()
    } catch (error) {
      if (isForbidden(error)) pace.stop()
    }
  })
  const isLookedAt = () => document.visibilityState === 'visible' && !isSignInNeeded()
  const ask = () => isLookedAt() && pace.ask()
  watch(() => board.value?.pulse, ask)
  const timer = setInterval(ask, AT_LEAST_EVERY)
  document.addEventListener('visibilitychange', ask)
  onScopeDispose(() => {
    pace.stop()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', ask)
  })
}

/** Whether the hub wants credentials before it answers. */
function isSignInNeeded(): boolean {
  return ![undefined, 'chosen'].includes(credentials.asked.value)
}
