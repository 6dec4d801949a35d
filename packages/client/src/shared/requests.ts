import { call } from '../calls.js'
import type { ConnectionOptions } from '../connection.js'
import type { TidingsError } from '../errors.js'
import type { Outgoing } from '../http.js'
import { endpoint, query } from '../source.js'

/** How the hub is reached. */
export interface Reach extends ConnectionOptions {
  hub: string
}

/** What the hub says of topics. */
export interface Refusals {
  /** Those it refuses, and why. */
  refused: Map<string, TidingsError>
  /** Why nothing is known of the others. */
  error?: TidingsError | undefined
}

/** A hub that takes longer to answer, in milliseconds, is not waited for. */
const ANSWER_WITHIN = 10_000

/** Whether one of several topics may be all that is refused. */
export function blamesTopics({ status }: TidingsError): boolean {
  return status === 400 || status === 403
}

/** Changes the topics of an open stream, but for those that the hub refuses. */
export async function changeTopics(
  id: string,
  { subscribe, unsubscribe }: { subscribe: string[]; unsubscribe: string[] },
  reach: Reach,
): Promise<Refusals> {
  const url = endpoint(reach.hub, `api/connections/${id}`)
  const headers = { 'content-type': 'application/json' }
  const change = (subscribe: string[], unsubscribe: string[]) => {
    const body = JSON.stringify({ subscribe, unsubscribe })
    return failure({ url, method: 'PATCH', body, headers }, reach)
  }
  const refused = new Map<string, TidingsError>()
  const error = await change(subscribe, unsubscribe)
  if (!error || !blamesTopics(error) || !subscribe.length) return { refused, error }
  // Each by itself, to learn which of them it is.
  for (const topic of subscribe) {
    const reason = subscribe.length > 1 ? await change([topic], []) : error
    if (reason && !blamesTopics(reason)) return { refused, error: reason }
    if (reason) refused.set(topic, reason)
  }
  return { refused, error: unsubscribe.length ? await change([], unsubscribe) : undefined }
}

/** For which of its topics the hub has refused a stream. */
export async function refusalsOf(
  topics: ReadonlySet<string>,
  refusal: TidingsError,
  reach: Reach,
): Promise<Refusals> {
  const refusals: Refusals = { refused: new Map() }
  const ask = (topic: string) => {
    const url = endpoint(reach.hub, 'api/events')
    url.search = `${query({ topics: [topic] }, { limit: 1 })}`
    return topics.size > 1 ? failure({ url }, reach) : refusal
  }
  await Promise.all(
    [...topics].map(async (topic) => {
      const error = await ask(topic)
      if (error && blamesTopics(error)) refusals.refused.set(topic, error)
      else if (error?.transient) refusals.error = error
    }),
  )
  return refusals
}

/** Why the hub does not do what it is asked, if it does not. */
async function failure(request: Outgoing, reach: Reach): Promise<TidingsError | undefined> {
  try {
    await call({ ...reach, attempts: 1, timeout: ANSWER_WITHIN }, request)
    return undefined
  } catch (error) {
    return error as TidingsError
  }
}
