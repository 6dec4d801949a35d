// Runs by itself wherever there is `fetch`, and prints what it has seen of the hub that it is given.
import { createDecoder, createHub, type Item, subscribe } from '../../src/index.js'

const [address = ''] = process.argv.slice(-1)
const hub = createHub({ hub: address })

/** Lets somebody wait for something that callbacks bring about. */
function watch() {
  const waiting: (() => void)[] = []
  return {
    changed() {
      for (const look of waiting.splice(0)) look()
    },
    async until(isSo: () => boolean): Promise<void> {
      while (!isSo()) await new Promise<void>((look) => waiting.push(look))
    },
  }
}

/** Reads a topic to its end. */
async function reads(): Promise<string[]> {
  const { changed, until } = watch()
  const subscription = subscribe({ hub: address, topics: ['read'], onState: changed })
  const items: Item[] = []
  const ended = (async () => {
    for await (const item of subscription) items.push(item)
  })()
  await until(() => subscription.state.state === 'open')
  await hub.publish('read', { data: { größe: '日本語' } })
  await hub.publish('read', { event: 'done', data: 'l1\nl2', final: true })
  await ended
  return items.map((item) => (item.type === 'event' ? item.data : item.type))
}

/** Has its stream ended again and again by the hub. */
async function resumes(): Promise<string[]> {
  const { changed, until } = watch()
  const seen: string[] = []
  const asked: number[] = []
  let opened = 0
  const subscription = subscribe({
    hub: address,
    topics: ['resume'],
    backoff: { base: 10, cap: 20 },
    headers: ({ failures }) => {
      asked.push(failures)
      return { 'x-asked': `${failures}` }
    },
    onState({ state }) {
      if (state === 'open') opened += 1
      changed()
    },
    onEvent({ data }) {
      seen.push(data)
      changed()
    },
  })
  for (let round = 0; round < 3; round += 1) {
    await until(() => opened > round)
    await hub.publish('resume', { data: `${round}a` })
    await disconnect('resume')
    await hub.publish('resume', { data: `${round}b` })
    await until(() => seen.includes(`${round}b`))
  }
  subscription.close()
  await nobodyReads('resume')
  return [...seen, `asked ${asked.length >= 4 ? 'each time' : asked.length}`]
}

/** Takes what is refused for final. */
async function fails(): Promise<string> {
  try {
    for await (const _ of subscribe({ url: `${address}/nothing` })) break
    return 'nothing'
  } catch (error) {
    return `${error}`
  }
}

/** Decodes a stream byte by byte. */
function decodes(): string[] {
  const seen: string[] = []
  const decoder = createDecoder({ event: ({ id, data }) => seen.push(`${id} ${data}`) })
  const bytes = new TextEncoder().encode('\ufeffid: 1\r\ndata: 😀\r\n\r\ndata: é\rdata\n\n')
  for (const byte of bytes) decoder.push(Uint8Array.of(byte))
  decoder.push(Uint8Array.of(...new TextEncoder().encode('data: '), 0xf0, 0x9f, 10, 10))
  return seen
}

async function nobodyReads(topic: string): Promise<void> {
  const url = `${address}/api/connections/stream?topic=${topic}`
  for await (const item of subscribe({ url })) {
    if (item.type === 'event' && JSON.parse(item.data).total === 0) return
  }
}

async function disconnect(topic: string): Promise<void> {
  const answer = await fetch(`${address}/api/connections?topic=${topic}`)
  const { connections } = (await answer.json()) as { connections: { id: string }[] }
  for (const { id } of connections) {
    await fetch(`${address}/api/connections/${id}`, { method: 'DELETE' })
  }
}

console.log(
  JSON.stringify({
    reads: await reads(),
    resumes: await resumes(),
    fails: await fails(),
    decodes: decodes(),
  }),
)
