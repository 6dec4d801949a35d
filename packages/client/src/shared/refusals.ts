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
): Promise<{ position?: string } | TidingsError> {
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

/** Which of the topics the hub refuses, and why. Each is asked for by itself. */
export async function refusedOf(
  topics: Iterable<string>,
  hub: string | undefined,
  options: RequestOptions,
): Promise<Map<string, TidingsError>> {
  const refused = new Map<string, TidingsError>()
  for (const topic of topics) {
    const url = endpoint(hub, 'api/events')
    url.search = `${query({ topics: [topic] }, { limit: 1 })}`
    const answer = await answerOf({ url }, options)
    if (answer instanceof TidingsError && blamesTopics(answer)) refused.set(topic, answer)
  }
  return refused
}
