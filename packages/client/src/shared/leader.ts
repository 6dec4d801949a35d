import { type Connection, connect } from '../connection.js'
import { TidingsError } from '../errors.js'
import { type Outgoing, send, type Why } from '../http.js'
import type { Item } from '../items.js'
import { isUpTo } from '../position.js'
import { endpoint, query, type Source } from '../source.js'
import type { State } from '../state.js'
import {
  type Config,
  type Message,
  memberLock,
  type SentError,
  type SentState,
  type Want,
} from './messages.js'

/** A tab or a hub that takes longer to answer, in milliseconds, is not waited for. */
const ANSWER_WITHIN = 10_000

/**
 * Waits until nobody else leads under this name, and then leads: follows on one stream what all
 * tabs want, and tells all of them what arrives. Returns how to stop.
 */
export function lead(name: string): () => void {
  const controller = new AbortController()
  const { signal } = controller
  navigator.locks
    .request(name, { signal }, () => {
      const stop = startLeading(name)
      return new Promise<void>((resolve) =>
        signal.addEventListener('abort', () => {
          stop()
          resolve()
        }),
      )
    })
    // To be stopped while waiting for the lock is no failure.
    .catch(() => {})
  return () => controller.abort()
}

function startLeading(name: string): () => void {
  const channel = new BroadcastChannel(name)
  const wants = new Map<string, Want[]>()
  const answers = new Map<number, (headers: [string, string][] | null) => void>()
  let leading = true
  let config: Config | undefined
  let connection: Connection | undefined
  /** The connection as the hub knows it, while it is open. */
  let connectionId: string | undefined
  /** The topics of the stream, and where it began. */
  let followed = new Set<string>()
  let start = ''
  let asks = 0
  let changing = Promise.resolve()

  const post = (message: Message) => {
    if (leading) channel.postMessage(message)
  }

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'want') hear(data.member, data.wants, data.config)
    if (data.kind === 'headers') answers.get(data.ask)?.(data.headers)
    if (data.kind === 'restart') connection?.restart()
  }
  post({ kind: 'lead' })

  function hear(member: string, wanted: Want[], its: Config): void {
    config = its
    if (!wants.has(member)) {
      // The lock is free once the tab is gone, whatever became of it.
      navigator.locks.request(memberLock(name, member), () => {
        wants.delete(member)
        follow()
      })
      if (connection) state(connection.state)
    }
    wants.set(member, wanted)
    const resumed = wanted.filter(({ resumes }) => resumes)
    follow(resumed.flatMap(({ after }) => after || []))
  }

  function union(): Set<string> {
    return new Set([...wants.values()].flat().flatMap(({ topics }) => [...topics]))
  }

  /** Brings the stream in line with what is wanted, some of it from these ids on. */
  function follow(resumed: string[] = []): void {
    if (!leading) return
    const topics = union()
    if (!topics.size) return stop()
    const cursors = [...wants.values()].flat().flatMap(({ after }) => after || [])
    // It begins at `start` until it has got anywhere, and with what comes next if that is empty.
    const reached = connection?.lastEventId || start
    const missed = resumed.filter((after) => !reached || isBefore(after, reached))
    const ended = connection?.state.state === 'closed'
    if (!connection || ended) open(earliest(cursors))
    else if (missed.length) open(earliest([...missed, reached]))
    else if (connectionId) changing = changing.then(change)
    else if (!isSame(topics, followed)) connection.restart()
  }

  function open(after: string): void {
    stop()
    start = after
    connection = connect(
      source(),
      optionsOf(config as Config),
      { item, state, room: () => undefined },
      after,
    )
  }

  function stop(): void {
    connection?.close()
    connection = connectionId = undefined
  }

  /** Changes the topics of the open stream. */
  async function change(): Promise<void> {
    const topics = union()
    const subscribe = [...topics].filter((topic) => !followed.has(topic))
    const unsubscribe = [...followed].filter((topic) => !topics.has(topic))
    if (!connectionId || !(subscribe.length || unsubscribe.length)) return
    const asked = connection
    try {
      const { hub } = config as Config
      const url = endpoint(hub, `api/connections/${connectionId}`)
      const body = JSON.stringify({ subscribe, unsubscribe })
      const headers = { 'content-type': 'application/json' }
      const signal = AbortSignal.timeout(ANSWER_WITHIN)
      const request: Outgoing = { url, method: 'PATCH', body, headers, signal }
      const response = await send(request, optionsOf(config as Config), { failures: 0 })
      const { position } = await response.json()
      if (asked === connection) followed = topics
      post({ kind: 'position', position })
    } catch {
      // A new stream begins with what is wanted.
      asked?.restart()
    }
  }

  function source(): Source {
    const topicSource = {
      get topics() {
        return [...union()]
      },
      get hub() {
        return config?.hub
      },
    }
    return {
      topics: topicSource,
      request() {
        followed = union()
        const body = query(topicSource, { format: 'envelope', hello: 1 })
        return { url: endpoint(config?.hub, 'api/events/stream'), method: 'POST', body }
      },
      take: (arrived) => arrived,
      ended: () => false,
    }
  }

  function item(arrived: Item): void {
    if (arrived.type === 'connected') {
      connectionId = arrived.connection_id
      follow()
      const position = connection?.lastEventId ?? ''
      start ||= position
      post({ kind: 'position', position })
    }
    post({ kind: 'item', item: arrived })
    if (arrived.type === 'gap') begin()
  }

  /** After a gap what was read before is no measure any more. */
  function begin(): void {
    start = connection?.lastEventId ?? ''
    post({ kind: 'position', position: start })
    for (const want of [...wants.values()].flat()) want.after = ''
  }

  function state(now: State): void {
    if (now.state !== 'open') connectionId = undefined
    const position = connection?.lastEventId ?? ''
    post({ kind: 'state', state: sent(now), position })
  }

  function optionsOf({ headers, hub, ...options }: Config) {
    return { ...options, headers: headers === 'ask' ? ask : headers }
  }

  /** Headers from some tab. */
  function ask({ failures, error }: Why): Promise<HeadersInit> {
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
  }

  return () => {
    leading = false
    stop()
    channel.close()
  }
}

function isBefore(id: string, position: string): boolean {
  return id !== position && isUpTo(id, position)
}

/** The earliest of the ids that can be compared; empty if there is none. */
function earliest(ids: string[]): string {
  return ids.reduce((first, id) => (id && (!first || isUpTo(id, first)) ? id : first), '')
}

function isSame(a: Set<string>, b: Set<string>): boolean {
  return a.size === b.size && [...a].every((topic) => b.has(topic))
}

function sent(state: State): SentState {
  return 'error' in state ? { ...state, error: sentError(state.error) } : state
}

function sentError({ type, message, status, retryAfter }: TidingsError): SentError {
  return { type, message, status, retryAfter }
}
