import { expect, test, vi } from 'vitest'

import type { StreamEvent } from '../../src/index.js'
import type { Share } from '../../src/shared/index.js'
import { SmallHub } from './small-hub.js'
import { beginWithoutTabs, tab, until } from './tabs.js'

beginWithoutTabs()

/** Numbers below a bound, the same ones for the same seed. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
}

/** What is followed, and what it was given. */
interface Follower {
  page: Share
  topic: string
  /** The id that it resumes after, if it does. */
  after: string
  /** The ids of what it was given. */
  seen: string[]
  close(): void
}

const SEEDS = Array.from({ length: 60 }, (_, index) => ({ seed: index, resets: index % 2 > 0 }))

test.each(SEEDS)(
  'whatever comes and goes, all see everything once ($seed)',
  async ({ seed, resets }) => {
    const hub = new SmallHub()
    vi.stubGlobal('fetch', hub.fetch)
    const next = random(seed)
    const pages: Share[] = [tab({ identity: `storm ${seed}` })]
    const followers = new Set<Follower>()
    const pause = async () => {
      for (let turn = next(8); turn > 0; turn -= 1) await new Promise(setImmediate)
    }

    function follow(): void {
      const topic = ['a', 'b', 'c', 'a', 'b', 'bad'][next(6)] as string
      const page = pages[next(pages.length)] as Share
      const after = next(3) ? '' : hub.id(next(hub.log.length + 1))
      const seen: string[] = []
      const subscription = page.subscribe({
        topics: [topic],
        lastEventId: after,
        onEvent: ({ id }: StreamEvent) => seen.push(id),
      })
      const close = () => subscription.close()
      const follower: Follower = { page, topic, after, seen, close }
      if (topic !== 'bad') followers.add(follower)
    }

    const acts = [
      follow,
      follow,
      () => pages.push(tab({ identity: `storm ${seed}` })),
      () => hub.publish(['a', 'b', 'c'][next(3)] as string),
      () => hub.publish(['a', 'b', 'c'][next(3)] as string),
      () => hub.publish(['a', 'b', 'c'][next(3)] as string),
      () => hub.dropStreams(),
      () => {
        hub.isDown = !hub.isDown
      },
      () => {
        const [one] = followers
        one?.close()
        if (one) followers.delete(one)
      },
      () => {
        if (pages.length < 2) return
        const [gone] = pages.splice(next(pages.length), 1)
        gone?.close()
        for (const one of followers) if (one.page === gone) followers.delete(one)
      },
    ]
    if (resets) acts.push(() => next(3) || hub.reset())
    for (let step = 0; step < 80; step += 1) {
      acts[next(acts.length)]?.()
      await pause()
    }
    hub.isDown = false
    // Once all have seen the last of their topic there is nothing left to come.
    const wanted = new Set([...followers].map(({ topic }) => topic))
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (const topic of wanted) hub.publish(topic)
    const lastOf = (topic: string) => hub.id(hub.log.lastIndexOf(topic) + 1)
    await until(() => [...followers].every(({ topic, seen }) => seen.at(-1) === lastOf(topic)))
    for (const { topic, after, seen } of followers) {
      const all = hub.log.flatMap((of, index) => (of === topic ? index + 1 : []))
      const isNow = (id: string) => id.startsWith(hub.id(0).slice(0, -1))
      const now = seen.filter(isNow)
      // Who resumes after what is lost is given all that there is.
      const first = after ? (isNow(after) ? after : hub.id(0)) : now[0]
      const numberOf = (id = '') => Number(id.split('-')[1])
      const begin = after ? numberOf(first) + 1 : numberOf(first)
      expect(now).toEqual(all.filter((n) => n >= begin).map((n) => hub.id(n)))
      expect(new Set(seen).size).toBe(seen.length)
    }
  },
)
