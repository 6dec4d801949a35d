import { EventEmitter } from 'node:events'

/** The clients of each team, and how to follow them. */
export class Activity {
  #teams = new Map([
    ['1', [{ id: 'a', client_name: 'Cursor', total_requests: 3 }]],
    ['2', []],
  ])
  #changes = new EventEmitter().setMaxListeners(0)

  /** Notes a client of a team, the newest first. */
  note(team, client) {
    const others = this.#teams.get(team).filter(({ id }) => id !== client.id)
    this.#teams.set(team, [client, ...others])
    this.#changes.emit(team)
  }

  /** Answers for the snapshot and for its stream. */
  answer(url, response) {
    const team = url.searchParams.get('team_id')
    if (!this.#teams.has(team)) {
      response.writeHead(403, { 'content-type': 'application/json' }).end('{}')
    } else if (url.pathname.endsWith('/stream')) {
      this.#stream(team, response)
    } else {
      response.writeHead(200, { 'content-type': 'application/json' }).end(this.#body(team))
    }
  }

  #stream(team, response) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    const send = () => response.write(`event: client_activity\ndata: ${this.#body(team)}\n\n`)
    const keepAlive = setInterval(() => response.write(': keepalive\n'), 15_000)
    this.#changes.on(team, send)
    response.on('close', () => {
      clearInterval(keepAlive)
      this.#changes.off(team, send)
    })
    send()
  }

  #body(team) {
    return JSON.stringify({ activities: this.#teams.get(team) })
  }
}
