/** Rings when it is time by the clock, for timers stand still while a page or machine sleeps. */
export interface Alarm {
  /** Rings after so many milliseconds, and no more for what was set before. */
  set(delay: number): void
  /** Looks at the clock, and rings if it is time. */
  look(): void
  stop(): void
}

/** At least so often, in milliseconds, the clock is looked at. */
const LOOK_EVERY = 60_000

export function createAlarm(ring: () => void): Alarm {
  let due: number
  let timer: ReturnType<typeof setTimeout> | undefined

  const stop = () => clearTimeout(timer)
  const look = () => {
    stop()
    const left = due - Date.now()
    if (left <= 0) ring()
    else timer = setTimeout(look, Math.min(left, LOOK_EVERY))
  }
  return {
    set(delay) {
      due = Date.now() + delay
      look()
    },
    look,
    stop,
  }
}
