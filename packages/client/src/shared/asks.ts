import { TidingsError } from '../errors.js'
import type { Why } from '../http.js'
import { type Message, sentError } from './messages.js'

/** Headers that whoever leads asks of the tabs. */
export interface Asks {
  ask(why: Why): Promise<HeadersInit>
  /** Takes the answer of a tab; null if it has none, and then that of another decides. */
  answer(ask: number, member: string, headers: [string, string][] | null): void
}

/** A tab that takes longer to answer, in milliseconds, is not waited for. */
const ANSWER_WITHIN = 10_000

/** Asks by these messages the tabs that are `members` by then. */
export function createAsks(post: (message: Message) => void, members: () => string[]): Asks {
  const answers = new Map<number, Asks['answer']>()
  let asks = 0

  return {
    ask({ failures, error }) {
      asks += 1
      const number = asks
      return new Promise((resolve, reject) => {
        const without = new Set<string>()
        const end = () => {
          answers.delete(number)
          clearTimeout(timer)
        }
        const fail = () => {
          end()
          reject(new TidingsError('credentials', 'no tab has headers'))
        }
        answers.set(number, (_, member, headers) => {
          if (headers) {
            end()
            resolve(headers)
            return
          }
          without.add(member)
          if (members().every((one) => without.has(one))) fail()
        })
        const timer = setTimeout(fail, ANSWER_WITHIN)
        post({ kind: 'ask', ask: number, failures, error: error && sentError(error) })
      })
    },
    answer: (ask, ...answer) => answers.get(ask)?.(ask, ...answer),
  }
}
