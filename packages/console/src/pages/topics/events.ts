import { computed, onScopeDispose, ref, shallowRef, triggerRef, watch } from 'vue'
import type { HistoryBody } from '../../hub/bodies.js'
import { explain, fetchBody } from '../../hub/calls.js'
import { useTopic } from '../../hub/follow.js'
import { pageBefore } from '../../hub/history.js'
import { Feed } from './feed.js'

/** How many of the newest events it begins with, and how many a page of older ones has. */
const NEWEST = 200
const PAGE = 200

export type Events = ReturnType<typeof useEvents>

/** The events of a topic or pattern while the scope lives: as they come, filtered, and back in time. */
export function useEvents(topic: string) {
  const feed = shallowRef(new Feed())
  /** Whether what comes is brought into view. */
  const follows = ref(true)
  /** Events in the last second. */
  const pace = ref(0)
  let counted = { events: 0, at: performance.now() }

  const stream = useTopic(topic, NEWEST, {
    take: (event) => feed.value.take(event),
    note: (said) => feed.value.note(said),
    show() {
      const now = performance.now()
      if (now - counted.at >= 1000) {
        // What it begins with came at once, and not in that second.
        const events = feed.value.received - Math.max(counted.events, NEWEST)
        pace.value = (Math.max(0, events) * 1000) / (now - counted.at)
        counted = { events: feed.value.received, at: now }
      }
      if (follows.value) feed.value.advance()
      triggerRef(feed)
    },
  })

  const rows = computed(() => feed.value.shown)
  const waiting = computed(() => feed.value.waiting)
  const received = computed(() => feed.value.received)
  const types = computed(() => [...feed.value.types.keys()].sort())

  /** What of the events is wanted. */
  const type = ref('')
  const text = ref('')
  watch([type, text], ([type, text]) => {
    feed.value.filter({ type, text: text.trim() })
    triggerRef(feed)
  })

  /** Whether the first event that is retained is in view. */
  const isStart = ref(false)
  const isPaging = ref(false)
  const problem = ref('')
  const stop = new AbortController()
  onScopeDispose(() => stop.abort())
  let span: number | undefined

  /** Puts a page of older events in front, and tells how many rows it is. */
  async function loadEarlier(): Promise<number> {
    const { oldest } = feed.value
    if (!oldest || isPaging.value) return 0
    isPaging.value = true
    follows.value = false
    try {
      const ask = (after: string, limit: number) =>
        fetchBody<HistoryBody>('api/events', { topic, last_event_id: after, limit }, stop.signal)
      const page = await pageBefore(oldest.id, ask, { limit: PAGE, ...(span && { span }) })
      span = page.span
      isStart.value = page.isStart
      const before = feed.value.shown.length
      feed.value.prepend(page.events)
      triggerRef(feed)
      problem.value = ''
      return feed.value.shown.length - before
    } catch (error) {
      problem.value = explain(error)
      return 0
    } finally {
      isPaging.value = false
    }
  }

  function clear(): void {
    feed.value.clear()
    isStart.value = false
    triggerRef(feed)
  }

  return {
    stream,
    follows,
    pace,
    rows,
    waiting,
    received,
    types,
    type,
    text,
    isStart,
    isPaging,
    problem,
    loadEarlier,
    clear,
  }
}
