/** Waits for so many milliseconds, or until the signal is aborted. */
export function sleep(delay: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(end, delay)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
}
