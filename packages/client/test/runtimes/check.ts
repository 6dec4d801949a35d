// Runs by itself wherever there is `fetch`, and prints what it has seen of the hub that it is given.
import { createDecoder, createHub, type Item, subscribe } from '../../src/index.js'

const [address = ''] = process.argv.slice(-1)
const hub = createHub({ hub: address })

/** Reads a topic to its end. */
async function reads(): Promise<string[]> {
  const subscription = subscribe({ hub: address, topics: ['read'] })
  const items: Item[] = []
  const ended = (async () => {
    for await (const item of subscription) items.push(item)
  })()
  await subscribers('read', 1)
  await hub.publish('read', { data: { größe: '日本語' } })
  await hub.publish('read', { event: 'done', data: 'l1\nl2', final: true })
  await ended
  return items.map((item) => (item.type === 'event' ? item.data : item.type))
}

/** Has its stream ended again and again by the hub. */
async function resumes(): Promise<string[]> {
  const seen: string[] = []
  const asked: number[] = []
  const subscription = subscribe({
    hub: address,
    topics: ['resume'],
    backoff: { base: 10, cap: 20 },
    headers: ({ failures }) => {
      asked.push(failures)
      return { 'x-asked': `${failures}` }
    },
    onEvent: ({ data }) => seen.push(data),
  })
  for (let round = 0; round < 3; round += 1) {
    await subscribers('resume', 1)
    await hub.publish('resume', { data: `${round}a` })
    await disconnect('resume')
    await hub.publish('resume', { data: `${round}b` })
    while (!seen.includes(`${round}b`)) await turn()
  }
  subscription.close()
  await subscribers('resume', 0)
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

async function subscribers(topic: string, count: number): Promise<void> {
  while ((await hub.subscriberCount(topic)) !== count) await turn()
}

async function disconnect(topic: string): Promise<void> {
  const answer = await fetch(`${address}/api/connections?topic=${topic}`)
  const { connections } = (await answer.json()) as { connections: { id: string }[] }
  for (const { id } of connections) {
    await fetch(`${address}/api/connections/${id}`, { method: 'DELETE' })
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1))
}

console.log(
  JSON.stringify({
    reads: await reads(),
    resumes: await resumes(),
    fails: await fails(),
    decodes: decodes(),
  }),
)
