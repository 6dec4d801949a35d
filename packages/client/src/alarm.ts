/** Rings when it is time by the clock, for timers stand still while a page or machine sleeps. */
export interface Alarm {
  /** When it rings, as the clock tells time; it may be moved. */
  due: number
  /** Rings after so many milliseconds, and no more for what was set before. */
  set(delay: number, ring: () => void): void
  /** Looks at the clock, and rings if it is time. */
  look(): void
  stop(): void
}

/** At least so often, in milliseconds, the clock is looked at: what is due may have changed. */
const LOOK_EVERY = 60_000

export function createAlarm(): Alarm {
  let ring: () => void
  let timer: ReturnType<typeof setTimeout> | undefined

  const stop = () => clearTimeout(timer)
  const look = () => {
    stop()
    const left = alarm.due - Date.now()
    if (left <= 0) ring()
    else timer = setTimeout(look, Math.min(left, LOOK_EVERY))
  }
  const alarm: Alarm = {
    due: Infinity,
    set(delay, action) {
      ring = action
      alarm.due = Date.now() + delay
      look()
    },
    look,
    stop,
  }
  return alarm
}
