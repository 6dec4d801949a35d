import { TidingsError } from './errors.js'

/**
 * What comes of an attempt, unless it takes too long or is stopped. No timer is left of it, or a
 * process that has done all it had to do would go on.
 */
export function within<T>(
  time: number,
  attempt: (signal: AbortSignal) => Promise<T>,
  stop?: AbortSignal,
): Promise<T> {
  const controller = new AbortController()
  const end = () => controller.abort()
  const timer = setTimeout(end, time)
  stop?.addEventListener('abort', end, controller)
  const ended = new Promise<never>((_, reject) => {
    const error = new TidingsError('idle', 'no answer')
    controller.signal.addEventListener('abort', () => reject(error))
  })
  return Promise.race([attempt(controller.signal), ended]).finally(() => clearTimeout(timer))
}
