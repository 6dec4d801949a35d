import { TidingsError } from '../errors.js'
import { type Outgoing, type RequestOptions, send } from '../http.js'
import { endpoint, query } from '../source.js'
import { within } from '../within.js'

/** A hub that takes longer to answer, in milliseconds, is not waited for. */
const ANSWER_WITHIN = 10_000

/** Whether one of several topics may be all that is refused. */
export function blamesTopics({ status }: TidingsError): boolean {
  return status === 400 || status === 403
}

/** The answer of a hub to a request, or why there is none. */
export async function answerOf(
  request: Outgoing,
  options: RequestOptions,
): Promise<{ position?: string } | null | TidingsError> {
  try {
    return await within(ANSWER_WITHIN, async (signal) => {
      const response = await send({ ...request, signal }, options, { failures: 0 })
      return response.json()
    })
  } catch (cause) {
    if (cause instanceof TidingsError) return cause
    return new TidingsError('network', 'no answer from the hub', { cause })
  }
}

/** What the hub says of topics. */
export interface Refusals {
  /** Those it refuses, and why. */
  refused: Map<string, TidingsError>
  /** Why it is unknown of some, if it may be known later. */
  unknown?: TidingsError
}

/** Which of the topics the hub refuses. Each is asked for by itself. */
export async function refusedOf(
  topics: Iterable<string>,
  hub: string | undefined,
  options: RequestOptions,
): Promise<Refusals> {
  const refusals: Refusals = { refused: new Map() }
  for (const topic of topics) {
    const url = endpoint(hub, 'api/events')
    url.search = `${query({ topics: [topic] }, { limit: 1 })}`
    const answer = await answerOf({ url }, options)
    if (!(answer instanceof TidingsError)) continue
    if (blamesTopics(answer)) refusals.refused.set(topic, answer)
    else if (answer.transient) refusals.unknown = answer
  }
  return refusals
}
