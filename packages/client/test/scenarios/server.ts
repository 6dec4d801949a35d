import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'

export interface Exchange {
  at?: 'a' | 'b'
  expect?: {
    method?: string
    path?: string
    headers?: Record<string, string>
    headers_hex?: Record<string, string>
    absent?: string[]
    body?: string
  }
  answer: Answer
}

interface Answer {
  status?: number
  headers?: Record<string, string>
  body?: (string | { hex: string } | { repeat: string; times: number })[]
  framing?: 'chunked' | 'length' | 'close'
  longer_by?: number
  head?: 'byte by byte'
  end?: 'clean' | 'cut' | 'reset' | 'hang'
  hang_after?: number
  raw?: string
}

/** A request as it came, with header values byte for byte. */
export interface Received {
  at: 'a' | 'b'
  method: string
  path: string
  headers: Record<string, string>
  body: string
}

/** Two origins that answer requests by a script, one exchange after the other. */
export class ScriptedServer {
  readonly requests: Received[] = []
  readonly origins = { a: '', b: '' }
  #script: Exchange[]
  #onHang: (after: number | undefined) => void
  #servers: Server[] = []
  #sockets = new Set<Socket>()

  private constructor(script: Exchange[], onHang: (after: number | undefined) => void) {
    this.#script = script
    this.#onHang = onHang
  }

  static async start(
    script: Exchange[],
    onHang: (after: number | undefined) => void,
  ): Promise<ScriptedServer> {
    const scripted = new ScriptedServer(script, onHang)
    for (const at of ['a', 'b'] as const) {
      const server = createServer((socket) => scripted.#serve(at, socket))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const address = server.address()
      if (typeof address === 'object') scripted.origins[at] = `http://127.0.0.1:${address?.port}`
      scripted.#servers.push(server)
    }
    return scripted
  }

  stop(): void {
    for (const server of this.#servers) server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #serve(at: 'a' | 'b', socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('error', () => {})
    socket.setNoDelay()
    let text = ''
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const request = parse(at, text)
      if (!request) return
      text = ''
      const exchange = this.#script[this.requests.length]
      this.requests.push(request)
      if (exchange) this.#answer(exchange.answer, socket)
      else socket.destroy()
    })
  }

  async #answer(answer: Answer, socket: Socket): Promise<void> {
    const { status, headers, body, end = 'clean', raw } = answer
    if (raw !== undefined) await write(socket, Buffer.from(raw))
    else if (status || headers || body) await this.#writeResponse(answer, socket)
    if (end === 'hang') this.#onHang(answer.hang_after)
    else if (end === 'reset') socket.resetAndDestroy()
    else if (end === 'cut' || raw !== undefined) socket.destroy()
    else if (answer.framing === 'close') socket.end()
  }

  async #writeResponse(answer: Answer, socket: Socket): Promise<void> {
    const { status = 200, headers = { 'Content-Type': 'text/event-stream' }, end } = answer
    const parts = (answer.body ?? []).map(bytesOf)
    const length = parts.reduce((sum, part) => sum + part.length, answer.longer_by ?? 0)
    const bodiless = status === 204 || status === 304
    const framing = bodiless ? undefined : (answer.framing ?? 'chunked')
    const head = [`HTTP/1.1 ${status} Scripted`]
    if (framing === 'chunked') head.push('Transfer-Encoding: chunked')
    if (framing === 'length') head.push(`Content-Length: ${length}`)
    for (const [name, value] of Object.entries(headers)) head.push(`${name}: ${this.#fill(value)}`)
    const bytes = Buffer.from(`${head.join('\r\n')}\r\n\r\n`)
    if (answer.head) for (const byte of bytes) await write(socket, Buffer.of(byte))
    else await write(socket, bytes)
    for (const part of parts) {
      await write(socket, framing === 'chunked' ? chunk(part) : part)
    }
    if (framing === 'chunked' && (end ?? 'clean') === 'clean')
      await write(socket, chunk(Buffer.of()))
  }

  #fill(value: string): string {
    return value
      .replace('{a}', this.origins.a)
      .replace('{b}', this.origins.b)
      .replace(/{now\+(\d+)}/, (_, seconds) => new Date(Date.now() + seconds * 1000).toUTCString())
  }
}

function parse(at: 'a' | 'b', text: string): Received | undefined {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  if (!rest.length) return undefined
  const [start = '', ...lines] = head.split('\r\n')
  const [method = '', path = ''] = start.split(' ')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const body = rest.join('\r\n\r\n')
  if (body.length < Number(headers['content-length'] ?? 0)) return undefined
  return { at, method, path, headers, body }
}

function bytesOf(part: NonNullable<Answer['body']>[number]): Buffer {
  if (typeof part === 'string') return Buffer.from(part)
  if ('hex' in part) return Buffer.from(part.hex, 'hex')
  return Buffer.from(part.repeat.repeat(part.times))
}

function chunk(part: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')])
}

/** Writes, and gives what was written the time to leave by itself. */
async function write(socket: Socket, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => socket.write(bytes, () => setImmediate(resolve)))
}
