import { type ConnectionOptions, connect } from './connection.js'
import type { RequestOptions, Why } from './http.js'
import type { StreamEvent } from './items.js'
import { type Source, urlSource } from './source.js'
import type { State } from './state.js'
import { deliver, type Subscription } from './subscribe.js'

/** What the browser's `EventSource` takes, and how to connect. */
export interface EventSourceOptions extends ConnectionOptions {
  withCredentials?: boolean | undefined
  /**
   * Whether every status but 200 is final, as for the browser's. Otherwise 408, 425, 429 and 5xx
   * are tried again. Default: false.
   */
  strict?: boolean | undefined
}

/**
 * An address, or who is asked for one before each attempt, and told why: each can have a one-time
 * ticket in it then. Whoever fails is asked again after a wait.
 */
export type Address = string | URL | AddressProvider

type AddressProvider = (why: Why) => string | URL | Promise<string | URL>

type Handler<E extends Event> = ((event: E) => void) | null

/** The `EventSource` of browsers, with headers, a watchdog, backoff and jitter. */
export class EventSource extends EventTarget {
  static readonly CONNECTING = 0
  static readonly OPEN = 1
  static readonly CLOSED = 2
  readonly CONNECTING = 0
  readonly OPEN = 1
  readonly CLOSED = 2

  /** The address; if it is asked for before each attempt the last one, and empty before that. */
  url = ''
  readonly withCredentials: boolean
  readyState: 0 | 1 | 2 = 0
  onopen: Handler<Event> = null
  onmessage: Handler<MessageEvent> = null
  onerror: Handler<Event> = null
  #subscription: Subscription
  #strict: boolean
  #origin = ''

  /** Throws a `SyntaxError`, as the browser's does, if the address is invalid. */
  constructor(url: Address, options: EventSourceOptions = {}) {
    super()
    const { withCredentials = false, strict = false, ...connection } = options
    const { credentials = withCredentials ? 'include' : 'same-origin' } = options
    this.withCredentials = withCredentials
    this.#strict = strict
    if (typeof url !== 'function') this.url = absolute(url)
    const { source, headers } =
      typeof url === 'function'
        ? asked(url, options.headers, (address) => {
            this.url = address
          })
        : { source: urlSource({ url: this.url }), headers: options.headers }
    this.#subscription = deliver(
      (sink, id) => connect(source, { ...connection, credentials, headers }, sink, id),
      { onEvent: (event) => this.#onEvent(event), onState: (state) => this.#onState(state) },
    )
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
      const isLost = this.readyState === this.OPEN && state.state === 'connecting'
      this.readyState = this.CONNECTING
      if (isLost) this.#fire(new Event('error'))
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

/** A stream whose address is asked for with the headers of each attempt, and told. */
function asked(
  provide: AddressProvider,
  headers: RequestOptions['headers'],
  tell: (address: string) => void,
) {
  let target: URL
  const source: Source = {
    request() {
      target = new URL('about:blank')
      return { url: target }
    },
    take: (item) => item,
    ended: () => false,
  }
  return {
    source,
    async headers(why: Why) {
      // What comes late for an attempt that was stopped is not the next one's.
      const own = target
      own.href = absolute(await provide(why))
      if (own === target) tell(own.href)
      return (typeof headers === 'function' ? headers(why) : headers) ?? {}
    },
  }
}

function absolute(url: string | URL): string {
  const base = globalThis.location?.href
  if (!URL.canParse(url, base)) throw new DOMException(`"${url}" is no address`, 'SyntaxError')
  return new URL(url, base).href
}
