import { type Control, type State, type StreamEvent, subscribe } from 'tidings'
import { onScopeDispose, type Ref, ref } from 'vue'
import type { PublishedEvent } from './bodies.js'
import { address, explain } from './calls.js'
import { credentials } from './credentials.js'
import { BACKOFF } from './dashboard.js'

/** How often what has come is brought into view, in milliseconds. */
const FRAME = 125

/** How a stream stands, and what there is to say about it. */
export interface Stream {
  state: 'connecting' | 'open' | 'waiting' | 'ended' | 'failed'
  note: string
}

export interface Follower {
  take(event: PublishedEvent): void
  /** Takes what the hub says about the stream, at its place among the events. */
  note(said: PublishedEvent): void
  /** It is time to show what was taken. */
  show(): void
}

/** Follows a topic or pattern while the scope lives: its newest events and then all that come. */
export function useTopic(topic: string, newest: number, follower: Follower): Readonly<Ref<Stream>> {
  const stream = ref<Stream>({ state: 'connecting', note: '' })
  let controls = 0
  const subscription = subscribe({
    hub: address(),
    topics: [topic],
    from: `last:${newest}`,
    backoff: BACKOFF,
    headers: credentials.provider(),
    onEvent: (event: StreamEvent) =>
      follower.take({ ...event, topic: event.topic ?? topic, time: event.time ?? '' }),
    onControl({ type, ...said }: Control) {
      if (type === 'resumed' || type === 'connected') return
      const time = new Date().toISOString()
      controls += 1
      const data = JSON.stringify(said)
      follower.note({ id: `control ${controls}`, topic, event: `tidings.${type}`, data, time })
    },
    onState(state) {
      stream.value = streamOf(state)
    },
  })
  const timer = setInterval(follower.show, FRAME)
  onScopeDispose(() => {
    subscription.close()
    clearInterval(timer)
  })
  return stream
}

function streamOf(state: State): Stream {
  switch (state.state) {
    case 'open':
      return { state: 'open', note: state.transport === 'poll' ? 'by polling' : '' }
    case 'waiting':
      return { state: 'waiting', note: explain(state.error) }
    case 'closed':
      if (state.reason === 'failed') return { state: 'failed', note: explain(state.error) }
      return { state: 'ended', note: '' }
    default:
      return { state: 'connecting', note: '' }
  }
}
