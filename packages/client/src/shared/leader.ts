import { createAsks } from './asks.js'
import { type Config, locksHere, type Message, memberLock } from './messages.js'
import { createRegistry } from './registry.js'
import { createStream } from './stream.js'

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
  const life = new AbortController()
  const registry = createRegistry()
  const asks = createAsks(post, registry.members)
  const stream = createStream(registry, reach, post)
  let config: Config

  function post(message: Message): void {
    if (!life.signal.aborted) channel.postMessage(message)
  }

  /** As the tab that was heard last connects: all are to say the same. */
  function reach() {
    const { headers, ...rest } = config
    return { ...rest, headers: headers === 'ask' ? asks.ask : headers }
  }

  function hear({ member, number, wants, config: its }: Message & { kind: 'want' }): void {
    const isNew = !registry.members().includes(member)
    config = its
    registry.hear(member, number, wants)
    if (isNew) welcome(member)
    stream.follow()
  }

  function welcome(member: string): void {
    stream.greet(member)
    // The lock is free once the tab is gone, whatever became of it.
    locksHere()
      ?.request(memberLock(name, member), life, () => {
        registry.forget(member)
        stream.follow()
      })
      // Where locks are refused the one tab ends together with this.
      .catch(() => {})
  }

  channel.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.kind === 'want') hear(data)
    if (data.kind === 'headers') asks.answer(data.ask, data.member, data.headers)
    if (data.kind === 'restart') stream.restart()
  }
  post({ kind: 'lead' })

  return () => {
    life.abort()
    stream.stop()
    channel.close()
  }
}
