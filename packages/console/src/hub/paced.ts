/** An action that is asked for often and done seldom. */
export interface Paced {
  /** Asks for it. What is asked for while one is waiting or under way is done once. */
  ask(): void
  stop(): void
}

/** From the first request to the action, in milliseconds. */
const DELAY = 500

/**
 * Does the action half a second after it was first asked for, and not again before it has ended.
 * An action that takes long is done less often: it may take a fifth of the time.
 */
export function paced(action: () => Promise<unknown> | undefined, delay = DELAY): Paced {
  let timer: ReturnType<typeof setTimeout> | undefined
  let isRunning = false
  let isAsked = false
  let pause = delay
  let isOver = false

  function ask(): void {
    if (isOver || timer !== undefined) return
    if (isRunning) isAsked = true
    else timer = setTimeout(run, pause)
  }

  async function run(): Promise<void> {
    timer = undefined
    isRunning = true
    const began = performance.now()
    try {
      await action()
    } catch {
      // Whoever does the action shows what went wrong with it.
    }
    pause = Math.max(delay, 4 * (performance.now() - began))
    isRunning = false
    if (isAsked) {
      isAsked = false
      ask()
    }
  }

  return {
    ask,
    stop() {
      isOver = true
      clearTimeout(timer)
    },
  }
}
