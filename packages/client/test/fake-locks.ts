type Callback = () => unknown

/** The locks of a browser, for tabs that are all in this process. */
export class FakeLocks {
  #held = new Map<string, (() => void)[]>()

  request(
    name: string,
    ...rest: [Callback] | [{ signal?: AbortSignal }, Callback]
  ): Promise<unknown> {
    const callback = rest.at(-1) as Callback
    const signal = rest.length === 2 ? rest[0].signal : undefined
    return new Promise((resolve, reject) => {
      const hold = async () => {
        if (signal?.aborted) return this.#release(name)
        const result = callback()
        resolve(await result)
        this.#release(name)
      }
      signal?.addEventListener('abort', () => reject(signal.reason))
      const waiting = this.#held.get(name)
      if (waiting) waiting.push(hold)
      else {
        this.#held.set(name, [])
        queueMicrotask(hold)
      }
    })
  }

  #release(name: string): void {
    const next = this.#held.get(name)?.shift()
    if (next) queueMicrotask(next)
    else this.#held.delete(name)
  }
}
