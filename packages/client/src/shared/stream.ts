import { type Connection, connect } from '../connection.js'
import type { TidingsError } from '../errors.js'
import { backoff } from '../http.js'
import type { Item } from '../items.js'
import { sleep } from '../sleep.js'
import { endpoint, query, type Source } from '../source.js'
import type { State } from '../state.js'
import { type Heard, type Message, type SentState, sentError } from './messages.js'
import type { Registry } from './registry.js'
import { blamesTopics, changeTopics, type Reach, refusalsOf } from './requests.js'

/** The one stream on which all is followed that the tabs want. */
export interface Stream {
  /** Brings it in line with what is wanted. */
  follow(): void
  /** Tells a tab that is new what it does. */
  greet(member: string): void
  /** Connects anew at once. */
  restart(): void
  stop(): void
}

/**
 * Where the stream is: from `rest` it goes down this list, and back to `waiting` whenever it is
 * lost. An object is one request, or one opened stream: what comes late for another is ignored.
 */
type Phase =
  /** There is none: nothing is wanted, or what was is over. */
  | { at: 'rest' }
  /** It will be requested, at once or after a pause, for what is wanted by then. */
  | { at: 'waiting'; connection: Connection }
  | Asking
  | Open
  /** It was refused, and before it is requested again it is found out for which topics. */
  | { at: 'sifting' }

/** It was requested. */
interface Asking {
  at: 'asking'
  connection: Connection
  topics: Set<string>
  /** The messages in which these were wanted. */
  heard: Heard
  /** Whether what was missed comes first. */
  behind: boolean
}

/** Events arrive. */
interface Open extends Omit<Asking, 'at'> {
  at: 'open'
  /** The name by which the hub knows it and changes its topics. None while the hub is polled. */
  id: string | undefined
}

type Failed = State & { error: TidingsError }

/** Makes the stream of what a registry says is wanted. The tabs are told of it by `post`. */
export function createStream(
  registry: Registry,
  reach: () => Reach,
  post: (message: Message) => void,
): Stream {
  const life = new AbortController()
  let phase: Phase = { at: 'rest' }
  let told: SentState = { state: 'connecting' }
  let changing = Promise.resolve()
  /** How often in a row it could not be found out which topics are refused. */
  let unsifted = 0

  function follow(): void {
    if (phase.at === 'sifting') return
    const topics = registry.topics()
    if (!topics.size) rest()
    else if (phase.at === 'rest') open('')
    else if (phase.at !== 'waiting' && misses(phase)) restart()
    else if (phase.at === 'open') serve(phase)
  }

  /** Whether something is wanted that the stream cannot bring unless it is requested again. */
  function misses({ at, connection, topics }: Asking | Open): boolean {
    const reached = connection.lastEventId
    // Topics are added to a stream that is open, unless there is something to resume on them.
    const wanted = at === 'asking' ? registry.topics() : registry.resumed()
    return registry.start(reached) !== reached || [...wanted].some((topic) => !topics.has(topic))
  }

  function rest(): void {
    if ('connection' in phase) phase.connection.close()
    if (phase.at !== 'rest') post({ kind: 'position', position: '' })
    phase = { at: 'rest' }
  }

  function open(after: string): void {
    const sink = {
      item: (arrived: Item) => item(arrived, connection),
      state: (now: State) => state(now, connection),
      room: () => undefined,
    }
    const connection: Connection = connect(source(), reach(), sink, after)
    phase = { at: 'waiting', connection }
  }

  function restart(): void {
    if (!('connection' in phase)) return
    const { connection } = phase
    phase = { at: 'waiting', connection }
    connection.restart()
  }

  function source(): Source {
    const topics = {
      get topics() {
        return ask()
      },
      get hub() {
        return reach().hub
      },
    }
    return {
      topics,
      request() {
        const body = query(topics, { format: 'envelope', hello: 1 })
        return { url: endpoint(topics.hub, 'api/events/stream'), method: 'POST', body }
      },
      take: (arrived) => arrived,
      // Asked after each page of a poll: with the first one all that was missed has come.
      ended() {
        if (phase.at === 'open' && !phase.id && phase.behind) begin(phase)
        return false
      },
    }
  }

  /** The topics of a request that is about to be made. */
  function ask(): string[] {
    const asked = { topics: registry.topics(), heard: registry.heard() }
    if (phase.at === 'open') Object.assign(phase, asked)
    else if ('connection' in phase) {
      const { connection } = phase
      phase = { at: 'asking', connection, ...asked, behind: !!connection.lastEventId }
    }
    return [...asked.topics]
  }

  function state(now: State, connection: Connection): void {
    if (now.state === 'closed') return over(now)
    tell(now)
    if (now.state === 'open') {
      unsifted = 0
      if (now.transport === 'poll') arrive(undefined)
    } else {
      phase = { at: 'waiting', connection }
      if (now.state === 'connecting')
        connection.lastEventId = registry.start(connection.lastEventId)
    }
  }

  function item(arrived: Item, connection: Connection): void {
    if (arrived.type === 'connected') arrive(arrived.connection_id)
    post({ kind: 'item', item: arrived, at: connection.lastEventId })
    // After other gaps comes what is left, and then it is resumed.
    const isNew = arrived.type === 'gap' && arrived.reason === 'unknown-id'
    if (phase.at === 'open' && phase.id && (isNew || arrived.type === 'resumed')) begin(phase)
  }

  /** The hub has answered what was asked. */
  function arrive(id: string | undefined): void {
    if (phase.at !== 'asking') return
    phase = { ...phase, at: 'open', id, behind: phase.behind || !id }
    serve(phase)
  }

  /** Gives the tabs what an open stream has for them, and changes it to what they want. */
  function serve(open: Open): void {
    if (registry.resumed().size) post({ kind: 'took', heard: registry.take() })
    if (!open.behind) begin(open)
    changing = changing.then(change, change)
  }

  /** Whatever comes is new: who follows from now on begins here. */
  function begin(open: Open): void {
    open.behind = false
    post({ kind: 'position', position: open.connection.lastEventId })
  }

  /** Changes the topics of the open stream to those that are wanted. */
  async function change(): Promise<void> {
    const open = phase
    if (open.at !== 'open') return
    const topics = registry.topics()
    const subscribe = [...topics].filter((topic) => !open.topics.has(topic))
    const unsubscribe = [...open.topics].filter((topic) => !topics.has(topic))
    if (!subscribe.length && !unsubscribe.length) return
    if (!open.id) return restart()
    const { refused, error } = await changeTopics(open.id, { subscribe, unsubscribe }, reach())
    if (phase !== open) return
    if (error) return restart()
    open.topics = new Set([...topics].filter((topic) => !refused.has(topic)))
    for (const [topic, reason] of refused) refuse(topic, reason)
    follow()
  }

  /** What was asked for is over. */
  function over(closed: State): void {
    if (!('heard' in phase)) return end(closed, registry.heard())
    if ('error' in closed && blamesTopics(closed.error)) sift(closed, phase)
    else end(closed, phase.heard)
  }

  /** Goes on without the topics for which the hub has refused the stream, if it is for those. */
  async function sift(failed: Failed, { connection, topics, heard }: Asking | Open): Promise<void> {
    const sifting: Phase = { at: 'sifting' }
    phase = sifting
    const { refused, error: unknown } = await refusalsOf(topics, failed.error, reach())
    if (!refused.size && unknown) await pause(unknown)
    if (phase !== sifting) return
    if (!refused.size && !unknown) return end(failed, heard)
    for (const [topic, error] of refused) refuse(topic, error)
    if (registry.topics().size) open(connection.lastEventId)
    else rest()
  }

  /** Waits before the hub is asked again which topics it refuses. */
  function pause(error: TidingsError): Promise<void> {
    unsifted += 1
    const delay = backoff(reach().backoff, unsifted, error.retryAfter ?? 0)
    tell({ state: 'waiting', error, delay })
    return sleep(delay, life.signal)
  }

  /** Ends what wants a topic that the hub refuses. */
  function refuse(topic: string, error: TidingsError): void {
    registry.refuse(topic)
    post({ kind: 'refused', topic, error: sentError(error) })
  }

  /** Ends what was wanted in the messages up to these. What was wanted since is tried anew. */
  function end(closed: State, heard: Heard): void {
    registry.end(heard)
    tell(closed, heard)
    rest()
    follow()
  }

  function tell(now: State, heard: Heard = {}): void {
    told = 'error' in now ? { ...now, error: sentError(now.error) } : now
    post({ kind: 'state', state: told, heard })
  }

  return {
    follow,
    greet(member) {
      if (phase.at !== 'rest') post({ kind: 'state', state: told, to: member, heard: {} })
    },
    restart,
    stop() {
      life.abort()
      rest()
    },
  }
}
