/** One request that was made, and the means to answer it. */
export class Call {
  readonly url: string
  readonly init: RequestInit
  readonly answered: Promise<Response>
  #answer!: (response: Response) => void
  #fail!: (error: unknown) => void
  #body: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(url: string, init: RequestInit) {
    this.url = url
    this.init = init
    this.answered = new Promise((resolve, reject) => {
      this.#answer = resolve
      this.#fail = reject
    })
  }

  header(name: string): string | null {
    return new Headers(this.init.headers).get(name)
  }

  get aborted(): boolean {
    return this.init.signal?.aborted ?? false
  }

  /** Answers with an event stream that goes on with `send`. */
  open(): this {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller
      },
    })
    this.init.signal?.addEventListener('abort', () => {
      try {
        this.#body?.error(this.init.signal?.reason)
      } catch {}
    })
    this.#answer(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))
    return this
  }

  send(text: string): this {
    this.#body?.enqueue(new TextEncoder().encode(text))
    return this
  }

  end(): void {
    this.#body?.close()
  }

  answer(status: number, body: BodyInit | null = null, headers: HeadersInit = {}): void {
    this.respond(new Response(body, { status, headers }))
  }

  respond(response: Response): void {
    this.#answer(response)
  }

  fail(): void {
    this.#fail(new TypeError('fetch failed'))
  }
}

/** A `fetch` whose calls a test answers one by one. */
export class FakeFetch {
  readonly calls: Call[] = []
  /** Whether an aborted call fails, as it should. */
  obeys = true

  readonly fetch = ((url: URL, init: RequestInit) => {
    const call = new Call(`${url}`, init)
    this.calls.push(call)
    if (this.obeys) {
      if (init.signal?.aborted) call.fail()
      init.signal?.addEventListener('abort', () => call.fail())
    }
    return call.answered
  }) as unknown as typeof fetch

  /** The call with this number, once it is made. */
  async call(index: number): Promise<Call> {
    while (this.calls.length <= index) await new Promise((resolve) => setImmediate(resolve))
    return this.calls[index] as Call
  }
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}
