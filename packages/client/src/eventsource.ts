import type { ConnectionOptions } from './connection.js'
import type { StreamEvent } from './items.js'
import type { State } from './state.js'
import { type Subscription, subscribe } from './subscribe.js'

/** What the browser's `EventSource` takes, and how to connect. */
export interface EventSourceOptions extends ConnectionOptions {
  withCredentials?: boolean | undefined
  /**
   * Whether every status but 200 is final, as for the browser's. Otherwise 408, 425, 429 and 5xx
   * are tried again. Default: false.
   */
  strict?: boolean | undefined
}

type Handler<E extends Event> = ((event: E) => void) | null

/** The `EventSource` of browsers, with headers, a watchdog, backoff and jitter. */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSED = 2

  readonly url: string
  readonly withCredentials: boolean
  readyState: 0 | 1 | 2 = 0
  onopen: Handler<Event> = null
  onmessage: Handler<MessageEvent> = null
  onerror: Handler<Event> = null
  #subscription: Subscription
  #strict: boolean
  #origin = ''

  /** Throws a `SyntaxError`, as the browser's does, if the address is invalid. */
  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super()
    const { withCredentials = false, strict = false, ...connection } = options
    const { credentials = withCredentials ? 'include' : 'same-origin' } = options
    const base = globalThis.location?.href
    if (!URL.canParse(url, base)) {
      throw new DOMException(`"${url}" is no address`, 'SyntaxError')
    }
    this.url = new URL(url, base).href
    this.withCredentials = withCredentials
    this.#strict = strict
    this.#subscription = subscribe({
      ...connection,
      credentials,
      url: this.url,
      onEvent: (event) => this.#onEvent(event),
      onState: (state) => this.#onState(state),
    })
  }

  close(): void {
    this.readyState = this.CLOSED
    this.#subscription.close()
  }

  #onEvent({ event, data, id }: StreamEvent): void {
    this.#fire(new MessageEvent(event, { data, lastEventId: id, origin: this.#origin }))
  }

  #onState(state: State): void {
    if (state.state === 'open') {
      this.#origin = new URL(state.url || this.url).origin
      this.readyState = this.OPEN
      this.#fire(new Event('open'))
    } else if (
      state.state === 'closed' ||
      (this.#strict && 'error' in state && state.error.status)
    ) {
      this.close()
      this.#fire(new Event('error'))
    } else if (state.state === 'waiting') {
      this.readyState = this.CONNECTING
      this.#fire(new Event('error'))
    } else {
      this.readyState = this.CONNECTING
    }
  }

  #fire(event: Event): void {
    const handlers = { open: this.onopen, message: this.onmessage, error: this.onerror }
    // An event may have the name of what every object has.
    const handler = Object.hasOwn(handlers, event.type)
      ? (handlers[event.type as keyof typeof handlers] as Handler<Event>)
      : null
    const listener = handler?.bind(this) ?? null
    this.addEventListener(event.type, listener)
    this.dispatchEvent(event)
    this.removeEventListener(event.type, listener)
  }
}
