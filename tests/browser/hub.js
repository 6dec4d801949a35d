import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'

/** A running hub: the program named by TIDINGS_BIN. */
export class Hub {
  #process

  /**
   * Starts a hub on `port`, or on a free one, and waits until it says where it listens. Its history
   * is in `folder`, or in memory.
   */
  static async start({ port = 0, folder = undefined, settings = {} } = {}) {
    const binary = process.env.TIDINGS_BIN
    assert(binary, 'TIDINGS_BIN names the hub to test')
    const arguments_ = ['serve', '--listen', `127.0.0.1:${port}`]
    arguments_.push(...(folder ? ['--data-dir', folder] : ['--memory']))
    const child = spawn(binary, arguments_, {
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, TIDINGS_RETRY: '100ms', ...settings },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said = []
    for await (const line of createInterface(child.stderr)) {
      said.push(line)
      const address = /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)
      if (address) {
        child.stderr.resume()
        return new Hub(child, Number(address[1]))
      }
    }
    throw new Error(`the hub did not start:\n${said.join('\n')}`)
  }

  constructor(child, port) {
    this.#process = child
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /** Kills the hub without a chance to say goodbye. */
  async kill() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      await exited
    }
  }

  /** Publishes one event and returns its id. */
  async publish(topic, event, data, { final = false } = {}) {
    const query = new URLSearchParams({ topic, event, ...(final && { final: '1' }) })
    const answer = await fetch(`${this.url}/api/events?${query}`, { method: 'POST', body: data })
    assert.equal(answer.status, 200, await answer.clone().text())
    return (await answer.json()).id
  }

  /** The data of the events that the history holds for a topic. */
  async history(topic) {
    const answer = await fetch(`${this.url}/api/events?${new URLSearchParams({ topic })}`)
    return (await answer.json()).events.map((event) => event.data)
  }

  /** Ends every open stream on a topic. */
  async disconnect(topic) {
    const answer = await fetch(`${this.url}/api/connections?${new URLSearchParams({ topic })}`)
    const { connections } = await answer.json()
    for (const { id } of connections) {
      await fetch(`${this.url}/api/connections/${id}`, { method: 'DELETE' })
    }
    return connections.length
  }
}
