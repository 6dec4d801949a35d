import { type Connection, connect } from '../connection.js'
import { TidingsError } from '../errors.js'
import { backoff } from '../http.js'
import type { Item } from '../items.js'
import { isUpTo } from '../position.js'
import { sleep } from '../sleep.js'
import { endpoint, query, type Source } from '../source.js'
import type { State } from '../state.js'
import { createAsks } from './asks.js'
import {
  type Config,
  locksHere,
  type Message,
  memberLock,
  type SentState,
  sentError,
  type Want,
} from './messages.js'
import { answerOf, blamesTopics, refusedOf } from './refusals.js'
import { createWants, startOf } from './wants.js'

/**
 * Waits until nobody else leads under this name, and then leads: follows on one stream what all
 * tabs want, and tells all of them what arrives. Returns how to stop.
 */
export function lead(name: string): () => void {
  const locks = locksHere()
  // A name without locks is that of one tab alone.
  if (!locks) return startLeading(name)
  const controller = new AbortController()
  const { signal } = controller
  locks
    .request(name, { signal }, () => {
      const stop = startLeading(name)
      return new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => {
          stop()
          resolve()
        }),
      )
    })
    // To be stopped while waiting is no failure, and a tab that is refused locks leads itself alone.
    .catch(() => {})
  return () => controller.abort()
}

/** Leads under a name that nobody else leads under. Returns how to stop. */
export function startLeading(name: string): () => void {
  const channel = new BroadcastChannel(name)
  const wants = createWants()
  const members = new Set<string>()
  /** The last want of each tab that resumes something which is not on the stream yet. */
  const resuming = new Map<string, number>()
  const life = new AbortController()
  let config: Config | undefined
  let connection: Connection | undefined
  /** The connection as the hub knows it, while it is open. */
  let connectionId: string | undefined
  /** The topics of the stream. */
  let followed = new Set<string>()
  /** Whether it is open and has nothing left to replay to those who resume. */
  let live = false
  /** Whether it was asked for with what was missed. */
  let replays = false
  /** Where it is to begin once a wait is over, if that is not where it has got to. */
  let behind = ''
  /** Whether it is being found out which topics the hub refuses. */
  let sifting = false
  /** How often in a row that could not be found out. */
  let unsifted = 0
  let changing = Promise.resolve()

  const post = (message: Message) => {
    if (!life.signal.aborted) channel.postMessage(message)
  }
  const asks = createAsks(post, members)

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'want') hear(data)
    if (data.kind === 'headers') asks.answer(data.ask, data.member, data.headers)
    if (data.kind === 'restart') connection?.restart()
  }
  post({ kind: 'lead' })

  function hear({ member, number, wants: wanted, config: its }: Message & { kind: 'want' }): void {
    config = its
    wants.set(member, wanted)
    if (!members.has(member)) {
      members.add(member)
      // The lock is free once the tab is gone, whatever became of it.
      locksHere()
        ?.request(memberLock(name, member), () => {
          members.delete(member)
          wants.set(member, [])
          follow()
        })
        // Where locks are refused the one tab ends together with this.
        .catch(() => {})
      if (connection && connection.state.state !== 'closed') tell(connection.state)
    }
    const resumed = wanted.filter(({ resumes, after }) => resumes && after)
    if (resumed.length) resuming.set(member, number)
    follow(resumed)
    if (connectionId || polls()) took()
    if (live) begin()
  }

  /** What is resumed is on the stream that is open. */
  function took(): void {
    for (const [member, number] of resuming) post({ kind: 'took', member, number })
    resuming.clear()
  }

  /** Brings the stream in line with what is wanted, some of which goes on from earlier. */
  function follow(resumed: readonly Want[] = []): void {
    if (life.signal.aborted || sifting) return
    const topics = wants.topics()
    if (!topics.size) return stop()
    const reached = connection?.lastEventId ?? ''
    const missed = resumed.filter(
      ({ after, topics }) =>
        !isUpTo(reached, after) || topics.some((topic) => !followed.has(topic)),
    )
    const now = connection?.state.state
    if (!connection) open(startOf(wants.cursors()))
    // Who wants what comes from now on has been given all until here.
    else if (now === 'closed') open(startOf([...wants.cursors(), reached]))
    else if (missed.length) {
      behind = startOf([...missed.map(({ after }) => after), behind || reached])
      if (!waits(now)) open(behind)
    } else if (connectionId) changing = changing.then(change, change)
    // After a wait it begins with what is wanted then.
    else if (!waits(now) && !isSame(topics, followed)) connection.restart()
  }

  /** Whether events come by long polling, which no connection of the hub stands for. */
  function polls(): boolean {
    const now = connection?.state
    return now?.state === 'open' && now.transport === 'poll'
  }

  function open(after: string): void {
    stop()
    connection = connect(source(), options(), { item, state, room: () => undefined }, after)
  }

  function stop(): void {
    connection?.close()
    connection = connectionId = undefined
    behind = ''
    live = false
  }

  /** Changes the topics of the open stream. */
  async function change(): Promise<void> {
    const topics = wants.topics()
    const subscribe = [...topics].filter((topic) => !followed.has(topic))
    const unsubscribe = [...followed].filter((topic) => !topics.has(topic))
    if (!connectionId || !(subscribe.length || unsubscribe.length)) return
    // One connection has a stream after another, and a later one begins with what is wanted.
    const asked = connectionId
    const error = await patch(subscribe, unsubscribe)
    if (!error || asked !== connectionId) return
    if (!blamesTopics(error) || !subscribe.length) return connection?.restart()
    for (const topic of subscribe) {
      const reason = subscribe.length > 1 ? await patch([topic], []) : error
      if (asked !== connectionId) return
      if (reason && !blamesTopics(reason)) return connection?.restart()
      if (reason) refuse(topic, reason)
    }
    follow()
  }

  /** Changes the topics of the open stream by these. Gives the reason if that did not work. */
  async function patch(
    subscribe: string[],
    unsubscribe: string[],
  ): Promise<TidingsError | undefined> {
    const asked = connectionId
    const url = endpoint(config?.hub, `api/connections/${asked}`)
    const body = JSON.stringify({ subscribe, unsubscribe })
    const headers = { 'content-type': 'application/json' }
    const answer = await answerOf({ url, method: 'PATCH', body, headers }, options())
    if (answer instanceof TidingsError) return answer
    if (asked !== connectionId) return undefined
    for (const topic of subscribe) followed.add(topic)
    for (const topic of unsubscribe) followed.delete(topic)
    if (answer?.position) post({ kind: 'position', position: answer.position })
    return undefined
  }

  /** Ends what wants a topic that the hub refuses. */
  function refuse(topic: string, error: TidingsError): void {
    wants.drop(topic)
    post({ kind: 'refused', topic, error: sentError(error) })
  }

  /** Goes on without the topics for which the hub has refused the stream, if it is for those. */
  async function sift(failed: State & { error: TidingsError }): Promise<void> {
    sifting = true
    const { refused, unknown } =
      followed.size > 1
        ? await refusedOf(followed, config?.hub, options())
        : { refused: new Map([...followed].map((topic) => [topic, failed.error])) }
    const waits = !refused.size && unknown
    if (waits) await wait(unknown)
    sifting = false
    for (const [topic, error] of refused) refuse(topic, error)
    if (refused.size || waits) follow()
    else tell(failed)
  }

  /** Waits before the hub is asked again which topics it refuses. */
  function wait(error: TidingsError): Promise<void> {
    unsifted += 1
    const delay = backoff(config?.backoff, unsifted, error.retryAfter ?? 0)
    tell({ state: 'waiting', error, delay })
    return sleep(delay, life.signal)
  }

  function source(): Source {
    const topicSource = {
      get topics() {
        followed = wants.topics()
        return [...followed]
      },
      get hub() {
        return config?.hub
      },
    }
    return {
      topics: topicSource,
      request() {
        replays = !!connection?.lastEventId
        const body = query(topicSource, { format: 'envelope', hello: 1 })
        return { url: endpoint(config?.hub, 'api/events/stream'), method: 'POST', body }
      },
      take: (arrived) => arrived,
      // Asked at the end of what came: with the first page of a poll all that was missed has come.
      ended() {
        if (polls() && !live) begin()
        return false
      },
    }
  }

  function item(arrived: Item): void {
    if (arrived.type === 'connected') {
      connectionId = arrived.connection_id
      follow()
      took()
      if (!replays) begin()
    }
    post({ kind: 'item', item: arrived })
    if (arrived.type === 'gap') wants.begin()
    if (arrived.type === 'gap' || arrived.type === 'resumed') begin()
  }

  /** Tells where the stream is: what wants no more than what comes begins there. */
  function begin(): void {
    live = true
    post({ kind: 'position', position: connection?.lastEventId ?? '' })
  }

  function state(now: State): void {
    if (behind && !waits(now.state)) return open(behind)
    if (now.state === 'open') unsifted = 0
    else {
      connectionId = undefined
      live = false
    }
    if (polls()) took()
    if (now.state === 'closed' && 'error' in now && blamesTopics(now.error)) sift(now)
    else tell(now)
  }

  function tell(now: State): void {
    const state: SentState = 'error' in now ? { ...now, error: sentError(now.error) } : now
    post({ kind: 'state', state })
  }

  function options() {
    const { headers, hub, ...rest } = config as Config
    return { ...rest, headers: headers === 'ask' ? asks.ask : headers }
  }

  return () => {
    life.abort()
    stop()
    channel.close()
  }
}

/** Whether a state ends by itself when it is time to connect. */
function waits(state: State['state'] | undefined): boolean {
  return state === 'waiting' || state === 'paused'
}

function isSame(a: Set<string>, b: Set<string>): boolean {
  return a.size === b.size && [...a].every((topic) => b.has(topic))
}
