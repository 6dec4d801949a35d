import { TidingsError } from './errors.js'
import { backoff, type Outgoing, send } from './http.js'
import type { HubOptions, NewEvent, Receipt } from './hub.js'
import { asksAnew } from './retries.js'
import { endpoint, query } from './source.js'
import { within } from './within.js'

/** The bounds of the wait between attempts. Short ones: someone waits for the answer. */
const WAITS = { base: 250, cap: 10_000 }

export async function publish(
  options: HubOptions,
  topic: string,
  { event, data, key, final, idempotencyKey = randomKey() }: NewEvent,
): Promise<Receipt> {
  const body = typeof data === 'string' ? data : JSON.stringify(data)
  if (body === undefined) throw new TypeError('data is neither text nor JSON')
  const url = endpoint(options.hub, 'api/events')
  url.search = `${query({ topics: [topic] }, { event, key, final: final && 1 })}`
  const headers = {
    'content-type': 'text/plain; charset=utf-8',
    'idempotency-key': idempotencyKey,
  }
  return call(options, { url, method: 'POST', body, headers })
}

export async function subscriberCount(options: HubOptions, topic: string): Promise<number> {
  const url = endpoint(options.hub, 'api/topics')
  url.search = `${query({ topics: [] }, { selector: topic })}`
  const { topics } = await call<{ topics: { subscribers: number }[] }>(options, { url })
  if (topics[0]) return topics[0].subscribers
  // The hub lists only topics on which something was published.
  const streams = endpoint(options.hub, 'api/connections')
  streams.search = `${query({ topics: [topic] }, { limit: 1 })}`
  return (await call<{ total: number }>(options, { url: streams })).total
}

/** Makes a request until it is answered, as far as that can help. */
export async function call<Answer>(options: HubOptions, request: Outgoing): Promise<Answer> {
  const { attempts = 5, timeout = 30_000 } = options
  let error: TidingsError | undefined
  /** Whether the provider of headers was told that they were refused. */
  let refused = false
  for (let failures = 0; ; ) {
    try {
      return await within(timeout, async (signal) => {
        const response = await send({ ...request, signal }, options, { failures, error })
        return response.json()
      })
    } catch (cause) {
      const lost = new TidingsError('network', 'no answer from the hub', { cause })
      error = cause instanceof TidingsError ? cause : lost
    }
    if (!refused && asksAnew(error, options)) {
      refused = true
      continue
    }
    failures += 1
    const { retryAfter = 0, transient } = error
    if (failures >= attempts || !transient || retryAfter > WAITS.cap) throw error
    const wait = backoff(WAITS, failures, retryAfter)
    await new Promise((resolve) => setTimeout(resolve, wait))
  }
}

function randomKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}
