import { Call } from '../fake-fetch.js'

/** A hub with three topics, and one that it refuses. */
export class SmallHub {
  /** The topic of each event. */
  log: string[] = []
  /** How often it has lost them all. */
  resets = 0
  /** Whether it answers nothing but 503. */
  isDown = false
  #streams = new Map<string, { call: Call; topics: Set<string> }>()
  #opened = 0

  readonly fetch = (url: URL, init: RequestInit): Promise<Response> => {
    const call = new Call(`${url}`, init)
    this.#answer(call, url)
    return new Promise((resolve, reject) => {
      init.signal?.addEventListener('abort', () => reject(new TypeError('aborted')))
      call.answered.then(resolve, reject)
    })
  }

  publish(topic: string): void {
    this.log.push(topic)
    const last = this.log.length
    for (const { call, topics } of this.#streams.values()) {
      if (topics.has(topic)) call.send(this.#block(last, topic))
    }
  }

  id(n: number): string {
    return `e${this.resets}-${n}`
  }

  reset(): void {
    this.dropStreams()
    this.log = []
    this.resets += 1
  }

  dropStreams(): void {
    for (const { call } of this.#streams.values()) call.end()
    this.#streams.clear()
  }

  #answer(call: Call, url: URL): void {
    if (this.isDown) return call.answer(503)
    const body = `${call.init.body}`
    if (call.init.method === 'PATCH') {
      const stream = this.#streams.get(`${url.pathname.split('/').at(-1)}`)
      const { subscribe, unsubscribe } = JSON.parse(body)
      if (!stream) return call.answer(404)
      if (subscribe.includes('bad')) return call.answer(400)
      for (const topic of subscribe) stream.topics.add(topic)
      for (const topic of unsubscribe) stream.topics.delete(topic)
      return call.answer(200, `{"position":"${this.id(this.log.length)}"}`)
    }
    if (!url.pathname.endsWith('/stream')) {
      return call.answer(url.searchParams.get('topic') === 'bad' ? 400 : 200, '{}')
    }
    const topics = new Set(new URLSearchParams(body).getAll('topic'))
    if (topics.has('bad')) return call.answer(400)
    this.#opened += 1
    const id = `c${this.#opened}`
    const asked = call.header('last-event-id')
    const isKnown = asked?.startsWith(this.id(0).slice(0, -1)) === true
    const after = asked === null ? this.log.length : isKnown ? Number(asked.split('-')[1]) : 0
    const connected = `event: tidings.connected\ndata: {"connection_id":"${id}"}\n\n`
    call.open().send(`id: ${this.id(after)}\n\n${connected}`)
    if (asked && !isKnown) {
      const oldest = this.log.findIndex((topic) => topics.has(topic)) + 1
      const gap = {
        reason: 'epoch-changed',
        requested: asked,
        oldest: oldest ? this.id(oldest) : null,
      }
      call.send(`event: tidings.gap\ndata: ${JSON.stringify(gap)}\n\n`)
    }
    for (const [index, topic] of this.log.entries()) {
      if (index >= after && topics.has(topic)) call.send(this.#block(index + 1, topic))
    }
    if (asked) call.send('event: tidings.resumed\ndata: {"from":"","count":0}\n\n')
    this.#streams.set(id, { call, topics })
    call.init.signal?.addEventListener('abort', () => this.#streams.delete(id))
  }

  #block(n: number, topic: string): string {
    const id = this.id(n)
    return `id: ${id}\ndata: ${JSON.stringify({ id, topic, event: 'message', data: id })}\n\n`
  }
}
