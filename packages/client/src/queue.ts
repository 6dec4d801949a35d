/** How many items may wait to be read, and what happens when there are more. */
export interface QueueOptions {
  /** Default: 1000. */
  limit?: number | undefined
  /**
   * `block` stops reading from the server, which may then end the stream as that of a slow reader,
   * to be resumed; what the last read has brought may go over the limit. `drop-oldest` loses the
   * oldest, and counts it. Default: `block`.
   */
  whenFull?: 'block' | 'drop-oldest' | undefined
}

/** Items on their way to their readers, who share what comes. */
export interface Queue<T> {
  /** Those that wait to be read. */
  readonly items: T[]
  push(item: T): void
  /** The next item, once there is one; undefined when the queue has ended and is empty. */
  next(): Promise<T | undefined>
  /** Settles when there is room. */
  room(): Promise<void>
  /** Ends the queue after what is in it. */
  end(): void
}

/** Makes a queue. `onDrop` is called for each item that is lost because the queue is full. */
export function createQueue<T>(
  { limit = 1000, whenFull }: QueueOptions = {},
  onDrop: () => void,
): Queue<T> {
  const items: T[] = []
  const drops = whenFull === 'drop-oldest'
  let ended = false
  let change: Promise<void>
  let wake: (() => void) | undefined

  const changed = () => {
    wake?.()
    change = new Promise((resolve) => {
      wake = resolve
    })
  }
  changed()

  return {
    items,
    push(item) {
      items.push(item)
      if (drops && items.length > limit) {
        items.shift()
        onDrop()
      }
      changed()
    },
    async next() {
      while (!items.length && !ended) await change
      changed()
      return items.shift()
    },
    async room() {
      while (items.length >= limit && !drops && !ended) await change
    },
    end() {
      ended = true
      changed()
    },
  }
}
