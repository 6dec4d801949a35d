import { type Connection, type ConnectionOptions, connect, type Sink } from './connection.js'
import type { Cursor } from './cursor.js'
import type { Control, Item, StreamEvent } from './items.js'
import { createQueue, type QueueOptions } from './queue.js'
import { type TopicSource, topicSource, type UrlSource, urlSource } from './source.js'
import type { State } from './state.js'

/** What to subscribe to: a stream at an address, or topics of a hub. */
export type SubscribeOptions = DeliveryOptions & ConnectionOptions & (UrlSource | TopicSource)

/** Where to start, how events are given, and when to stop. */
export interface DeliveryOptions {
  /** Resume after this event. */
  lastEventId?: string | undefined
  /** Keeps the id to resume after over reloads of the page; it beats `lastEventId`. */
  cursor?: Cursor | undefined
  /** Closes the subscription. */
  signal?: AbortSignal | undefined
  /** Is given each event as it arrives. Without it they are queued, to be iterated over. */
  onEvent?: ((event: StreamEvent) => void) | undefined
  /** With `onEvent`: is given what the hub says about the stream, at its place among the events. */
  onControl?: ((control: Control) => void) | undefined
  onState?: ((state: State) => void) | undefined
  queue?: QueueOptions | undefined
}

/**
 * An open subscription: its items, if no `onEvent` was given. Iterating ends with the stream, and
 * throws the `TidingsError` that ends a subscription; to leave the loop closes it. Several
 * iterations share what comes.
 */
export interface Subscription extends AsyncIterable<Item, void> {
  /** What the connection is doing. */
  readonly state: State
  /** The id to resume after. */
  readonly lastEventId: string
  /** How many items were lost because the queue was full. */
  readonly dropped: number
  /** Connects anew at once, from where the stream has got to. */
  restart(): void
  /** Ends the subscription: nothing is given and nobody is told anything after it. */
  close(): void
}

/**
 * Subscribes to a stream. It connects at once, and again whenever the connection is lost, from
 * where it has got to.
 *
 * Throws a `TypeError` if the address is invalid.
 */
export function subscribe(options: SubscribeOptions): Subscription {
  const source = 'topics' in options ? topicSource(options) : urlSource(options)
  return deliver((sink, lastEventId) => connect(source, options, sink, lastEventId), options)
}

/** A subscription to what a connection brings. */
export function deliver(
  open: (sink: Sink, lastEventId: string) => Connection,
  options: DeliveryOptions,
): Subscription {
  const { lastEventId, cursor, signal, onEvent, onControl, onState } = options
  const queue = createQueue<Item>(options.queue, () => {
    subscription.dropped += 1
  })
  let saved = lastEventId ?? ''
  tell((cursor) => {
    saved = cursor?.load() || saved
  }, cursor)
  /** The event that the reader has been given and not yet come back from. */
  let given = saved
  let closed = false

  function save(id: string): void {
    if (id === saved) return
    saved = id
    tell((id) => cursor?.save(id), id)
  }

  function end(): void {
    queue.end()
    signal?.removeEventListener('abort', subscription.close)
  }

  const connection = open(
    {
      item(item) {
        if (!onEvent) queue.push(item)
        else tell((item.type === 'event' ? onEvent : onControl) as (item: Item) => void, item)
      },
      state(state) {
        if (state.state === 'closed') end()
        tell(onState, state)
      },
      room() {
        if (onEvent) save(connection.lastEventId)
        return queue.room()
      },
    },
    saved,
  )

  const { close } = connection
  const subscription = Object.assign(connection, {
    dropped: 0,
    close() {
      close()
      closed = true
      queue.items.length = 0
      end()
    },
    [Symbol.asyncIterator]: () => ({
      async next(): Promise<IteratorResult<Item, void>> {
        // Whoever comes back for more has done with what was given.
        save(closed || queue.items.length ? given : connection.lastEventId)
        const value = await queue.next()
        if (value?.type === 'event') given = value.id
        if (!value && 'error' in connection.state) throw connection.state.error
        return { done: !value, value } as IteratorResult<Item, void>
      },
      async return(): Promise<IteratorResult<Item, void>> {
        subscription.close()
        return { done: true } as IteratorResult<Item, void>
      },
    }),
  })
  signal?.addEventListener('abort', subscription.close)
  if (signal?.aborted) subscription.close()
  return subscription
}

/** What a handler throws is reported as an uncaught error is, and disturbs nothing here. */
export function tell<T>(handler: ((value: T) => void) | undefined, value: T): void {
  try {
    handler?.(value)
  } catch (error) {
    ;(globalThis.reportError ?? console.error)(error)
  }
}
