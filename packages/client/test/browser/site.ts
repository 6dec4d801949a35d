import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { build } from 'esbuild'

const ROOT = new URL('../../', import.meta.url)

/** Its scripts are those of the test. */
const PLAIN_PAGE = `<!doctype html><script type="module">
  import { subscribe } from '/dist/index.js'
  import { share } from '/dist/shared/index.js'
  Object.assign(globalThis, { subscribe, share, seen: {}, states: [], shared: undefined })
</script>`

/** A web site whose pages use the built package, with a hub behind the same origin. */
export class Site {
  readonly url: string
  /** How often each path was asked for. */
  readonly asked: Map<string, number> = new Map()
  /** The headers of the last request for each path. */
  readonly headers: Map<string, IncomingMessage['headers']> = new Map()
  /** Whether streams are held back, as by a proxy that buffers. */
  holdsBack = false
  /** Where `/elsewhere` redirects to. */
  elsewhere = ''
  #server: Server
  #hub: () => string

  private constructor(server: Server, port: number, hub: () => string) {
    this.#server = server
    this.#hub = hub
    this.url = `http://127.0.0.1:${port}`
    server.on('request', (asked, answer) => this.#answer(asked, answer))
  }

  static async start(hub: () => string): Promise<Site> {
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return new Site(server, typeof address === 'object' ? (address?.port ?? 0) : 0, hub)
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  async #answer(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { pathname } = new URL(asked.url ?? '', this.url)
    this.asked.set(pathname, (this.asked.get(pathname) ?? 0) + 1)
    this.headers.set(pathname, asked.headers)
    if (pathname.startsWith('/api/')) return this.#pass(asked, answer)
    if (pathname === '/elsewhere') {
      answer.writeHead(307, { location: this.elsewhere }).end()
    } else if (pathname === '/foreign') {
      const origin = asked.headers.origin ?? '*'
      const allowed = { 'access-control-allow-origin': origin, 'access-control-allow-headers': '*' }
      if (asked.method === 'OPTIONS') answer.writeHead(204, allowed).end()
      else
        answer
          .writeHead(200, { ...allowed, 'content-type': 'text/event-stream' })
          .end('data: x\n\n')
    } else if (pathname.startsWith('/dist/')) {
      answer.setHeader('content-type', 'text/javascript')
      answer.end(await readFile(new URL(`.${pathname}`, ROOT)).catch(() => answer.writeHead(404)))
    } else if (pathname.startsWith('/pages/')) {
      const name = pathname.slice('/pages/'.length)
      answer.setHeader('content-type', 'text/html')
      answer.end(name ? await pageOf(name) : PLAIN_PAGE)
    } else {
      answer.writeHead(404).end()
    }
  }

  /** Passes a request on to the hub, as what the site itself asks. */
  #pass(asked: IncomingMessage, answer: ServerResponse): void {
    const { origin, host, ...headers } = asked.headers
    const passed = request(`${this.#hub()}${asked.url}`, { method: asked.method, headers })
    passed.on('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers)
      answer.flushHeaders()
      if (this.holdsBack && asked.url?.includes('/stream')) response.resume()
      else response.pipe(answer)
      response.on('error', () => answer.destroy())
      response.on('aborted', () => answer.destroy())
    })
    passed.on('error', () => {
      if (answer.headersSent) answer.destroy()
      else answer.writeHead(502).end()
    })
    answer.on('close', () => passed.destroy())
    asked.pipe(passed)
  }
}

const pages = new Map<string, Promise<string>>()

/** A page that runs one of the modules beside this file, bundled with all it imports. */
function pageOf(name: string): Promise<string> {
  const known = pages.get(name) ?? bundle(name)
  pages.set(name, known)
  return known
}

async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [new URL(`pages/${name}.ts`, import.meta.url).pathname],
    bundle: true,
    format: 'esm',
    write: false,
    define: { 'process.env.NODE_ENV': '"development"' },
    logLevel: 'error',
  })
  return `<!doctype html><div id="app"></div><script type="module">${outputFiles[0]?.text}</script>`
}
