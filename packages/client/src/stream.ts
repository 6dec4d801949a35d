import type { Attempt } from './attempt.js'
import { createDecoder } from './decoder.js'
import { TidingsError } from './errors.js'
import { toItem } from './items.js'

/** Reads the stream until it ends. Returns whether nothing can follow. */
export async function stream(attempt: Attempt): Promise<boolean> {
  const { source, lastEventId } = attempt
  // An id goes out as its bytes of UTF-8. One with control characters cannot be sent.
  const id = String.fromCharCode(...new TextEncoder().encode(lastEventId))
  const headers: Record<string, string> = {
    // A hub hides from a browser's `EventSource`, which accepts nothing else, that it refuses.
    accept: `text/event-stream${source.topics ? ', */*' : ''}`,
  }
  if (/^[\t -~\x80-\xff]+$/.test(id)) headers['last-event-id'] = id
  const response = await attempt.ask({ ...source.request(), headers })
  if (response.status === 204) return true
  const type = response.headers.get('content-type')
  if (!/^text\/event-stream *(;|$)/i.test(`${type}`)) {
    throw new TidingsError('content-type', `${type} is no stream`)
  }
  const decoder = createDecoder(
    {
      // What `retry` is told.
      ...attempt,
      event: (event) => attempt.deliver(event.id, toItem(event, source.topics)),
    },
    attempt.limits,
    lastEventId,
  )
  // There is none where streams cannot be read.
  const reader = response.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
  attempt.signal.addEventListener('abort', () => reader?.cancel().catch(() => {}))
  attempt.opened('stream', response.url)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) throw new TidingsError('closed', 'stream ended')
    try {
      decoder.push(value)
    } finally {
      attempt.deliver(decoder.lastEventId)
    }
    await attempt.heard()
    if (source.ended()) return true
  }
}
