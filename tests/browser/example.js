import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/** A running program of `examples/`, built beside the hub. */
export class Example {
  #process

  /** Starts the program on `port`, or on a free one, and waits until it says where it listens. */
  static async start(program, { port = 0 } = {}) {
    const path = join(dirname(process.env.TIDINGS_BIN ?? ''), program)
    const stdio = ['ignore', 'pipe', 'inherit']
    const child = spawn(path, [`127.0.0.1:${port}`], { stdio })
    for await (const line of createInterface(child.stdout)) {
      const address = /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)
      if (address) return new Example(program, child, Number(address[1]))
    }
    throw new Error(`${program} did not start`)
  }

  constructor(program, child, port) {
    this.program = program
    this.#process = child
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  /** Kills the program without a chance to say goodbye. */
  async kill() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await exited
  }

  /** Kills it, and starts it where it was once `away` is done. */
  async restart(away) {
    await this.kill()
    await away()
    return Example.start(this.program, { port: this.port })
  }
}
