import { TidingsError } from './errors.js'

/** An event as the stream gave it. */
export interface DecodedEvent {
  /** The event's name; `message` if the stream gives none. */
  event: string
  /** The data lines, joined by LF. */
  data: string
  /** The last event id at this event, which may come from an earlier one. Empty if there is none. */
  id: string
}

/** Who is told what the stream says, in its order. */
export interface DecoderHandlers {
  event(event: DecodedEvent): void
  /** A comment, without its colon and one space. */
  comment?(text: string): void
  /** A reconnection time in milliseconds, within its bounds. */
  retry?(delay: number): void
}

/** How long things may be, in bytes of UTF-8. To go over one is an error of type `limit`. */
export interface Limits {
  /** A line, finished or not. Default: 16 MiB and 16 bytes. */
  line?: number | undefined
  /** The data of an event. Default: 16 MiB. */
  event?: number | undefined
  /** An event id. Default: 1 KiB. */
  id?: number | undefined
  /** An event name. Default: 1 KiB. */
  name?: number | undefined
  /** A shorter reconnection time is taken as this many milliseconds. Default: 100. */
  retryFloor?: number | undefined
  /** A longer reconnection time is taken as this many milliseconds. Default: 5 minutes. */
  retryCap?: number | undefined
}

/**
 * An incremental decoder of the event stream of one connection.
 *
 * However the bytes are cut into chunks, the handlers are told the same, in time linear in the bytes.
 */
export interface Decoder {
  /** The id to resume after: that of the last finished block which had one. */
  readonly lastEventId: string
  /**
   * Takes the next bytes of the connection.
   *
   * Throws a `TidingsError` of type `limit`; the connection is then to be closed. What a handler
   * throws is passed on, and the rest of the chunk is lost.
   */
  push(chunk: Uint8Array): void
}

const MIB16 = 2 ** 24
/** The fields by how they begin. A comment is a field without a name. */
const FIELDS: Record<string, string | undefined> = {
  d: 'data',
  i: 'id',
  e: 'event',
  r: 'retry',
  ':': '',
}

/** Makes a decoder for a connection that resumes after `lastEventId`. */
export function createDecoder(
  handlers: DecoderHandlers,
  limits: Limits = {},
  lastEventId = '',
): Decoder {
  const {
    line: longestLine = MIB16 + 16,
    event: longestData = MIB16,
    id: longestId = 1024,
    name: longestName = 1024,
    retryFloor = 100,
    retryCap = 300_000,
  } = limits
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  let ascii = true
  /** What is dropped if it comes next: a byte order mark at the start, the LF of a CRLF. */
  let dropped: string | undefined = '\ufeff'
  /** The start of a line whose end was not yet seen, and at most how many bytes it has. */
  let line = ''
  let lineBytes = 0
  /** The block so far. */
  let data: string | undefined
  let dataBytes = 0
  let name = ''
  let id = lastEventId

  /**
   * At most how many bytes the text has, given such a number that may be too high. The text is
   * counted only when that number is over the limit, so a text that grows is not counted each time.
   */
  function within(what: string, limit: number, text: string, most = text.length * 3): number {
    if (most <= limit) return most
    const bytes = new TextEncoder().encode(text).length
    if (bytes <= limit) return bytes
    throw new TidingsError('limit', `${what} over ${limit} bytes`)
  }

  function keep(part: string): void {
    line += part
    lineBytes = within('line', longestLine, line, lineBytes + part.length * 3)
  }

  function readLine(text: string, start: number, end: number): void {
    if (start === end) return dispatch()
    const field = FIELDS[text[start] as string]
    if (field === undefined || !text.startsWith(field, start)) return
    const after = start + field.length
    if (after < end && text[after] !== ':') return
    readField(field, text.slice(after + (text[after + 1] === ' ' ? 2 : 1), end))
  }

  function readField(field: string, value: string): void {
    if (field === 'data') {
      const joined = data === undefined ? value : `${data}\n${value}`
      dataBytes = within('event', longestData, joined, dataBytes + value.length * 3 + 3)
      data = joined
    } else if (field === 'event') {
      within('name', longestName, value)
      name = value
    } else if (field === 'id') {
      within('id', longestId, value)
      if (!value.includes('\0')) id = value
    } else if (field) {
      // A number of more than 64 bits, which have at most 20 digits, is ignored.
      if (!/^0*\d{1,20}$/.test(value) || BigInt(value) >> 64n) return
      handlers.retry?.(Math.min(Math.max(+value, retryFloor), retryCap))
    } else {
      handlers.comment?.(value)
    }
  }

  function dispatch(): void {
    const event = { event: name || 'message', data: data as string, id }
    decoder.lastEventId = id
    name = ''
    if (data === undefined) return
    data = undefined
    dataBytes = 0
    handlers.event(event)
  }

  const decoder = {
    lastEventId,
    push(chunk: Uint8Array) {
      // After ASCII nothing is left over. Decoders that need not remember are quick with nothing else.
      const text = utf8.decode(chunk, { stream: !(ascii && (chunk.at(-1) as number) < 128) })
      ascii &&= text.length === chunk.length
      if (!text) return
      let start = text[0] === dropped ? 1 : 0
      dropped = undefined
      let lf = text.indexOf('\n', start)
      let cr = text.indexOf('\r', start)
      while (lf >= 0 || cr >= 0) {
        const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr
        if (line || (end - start) * 3 > longestLine) {
          keep(text.slice(start, end))
          const whole = line
          line = ''
          lineBytes = 0
          readLine(whole, 0, whole.length)
        } else {
          readLine(text, start, end)
        }
        start = end + 1
        if (end === cr) {
          if (start === text.length) dropped = '\n'
          if (lf === start) start += 1
          cr = text.indexOf('\r', start)
        }
        if (lf >= 0 && lf < start) lf = text.indexOf('\n', start)
      }
      if (start < text.length) keep(text.slice(start))
    },
  }
  return decoder
}
