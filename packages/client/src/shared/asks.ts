import { TidingsError } from '../errors.js'
import type { Why } from '../http.js'
import { type Message, sentError } from './messages.js'

/** Headers that whoever leads asks of the tabs. */
export interface Asks {
  ask(why: Why): Promise<HeadersInit>
  /** Takes the answer of a tab; null if it has none. */
  answer(ask: number, headers: [string, string][] | null): void
}

/** A tab that takes longer to answer, in milliseconds, is not waited for. */
const ANSWER_WITHIN = 10_000

export function createAsks(post: (message: Message) => void): Asks {
  const answers = new Map<number, (headers: [string, string][] | null) => void>()
  let asks = 0

  return {
    ask({ failures, error }) {
      asks += 1
      const number = asks
      return new Promise((resolve, reject) => {
        answers.set(number, (headers) => {
          answers.delete(number)
          clearTimeout(timer)
          if (headers) resolve(headers)
          else reject(new TidingsError('credentials', 'no tab has headers'))
        })
        const timer = setTimeout(() => answers.get(number)?.(null), ANSWER_WITHIN)
        post({ kind: 'ask', ask: number, failures, error: error && sentError(error) })
      })
    },
    answer: (ask, headers) => answers.get(ask)?.(headers),
  }
}
