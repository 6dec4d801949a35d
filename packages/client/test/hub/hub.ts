import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'

/** The hub to test against, if there is one: the program that `TIDINGS_BIN` names. */
export const HUB_PROGRAM: string | undefined = process.env['TIDINGS_BIN']

/** A running hub. */
export class RunningHub {
  readonly url: string
  readonly port: number
  #process: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#process = child
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /**
   * Starts a hub on `port`, or on a free one, with its history in a folder or in memory. It has
   * room for so many streams.
   */
  static async start({ port = 0, folder = '', streams = 100 } = {}): Promise<RunningHub> {
    const store = folder ? ['--data-dir', folder] : ['--memory']
    const child = spawn(`${HUB_PROGRAM}`, ['serve', '--listen', `127.0.0.1:${port}`, ...store], {
      cwd: tmpdir(),
      env: {
        PATH: process.env['PATH'],
        TIDINGS_RETRY: '100ms',
        TIDINGS_LIMITS_CONNECTIONS: `${streams}`,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const said: string[] = []
    for await (const line of createInterface(child.stderr)) {
      said.push(line)
      const address = /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)
      if (address) {
        child.stderr.resume()
        return new RunningHub(child, Number(address[1]))
      }
    }
    throw new Error(`the hub did not start:\n${said.join('\n')}`)
  }

  /** Kills the hub without a chance to say goodbye. */
  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Ends every open stream on a topic, and says how many there were. */
  async disconnect(topic: string): Promise<number> {
    const connections = await this.connections(topic)
    for (const { id } of connections) {
      await fetch(`${this.url}/api/connections/${id}`, { method: 'DELETE' })
    }
    return connections.length
  }

  async connections(topic: string): Promise<{ id: string; topics: string[] }[]> {
    const query = new URLSearchParams({ topic })
    const answer = await fetch(`${this.url}/api/connections?${query}`)
    return (await answer.json()).connections
  }
}
