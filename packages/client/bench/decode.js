// How fast event streams are decoded, from bytes to events, beside other decoders in the same run.
// Times are those of the processor, of the best of many
// rounds, so that other programs count for less.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { createParser } from 'eventsource-parser'
import { createDecoder } from '../dist/index.js'

const entry = createRequire(import.meta.url).resolve('@microsoft/fetch-event-source')
const { getLines, getMessages } = await import(join(dirname(entry), '../esm/parse.js'))

const ROUNDS = 25
const BYTES = 8 * 1024 * 1024

/** Reads a character, so that a text of several parts is put together, as whoever uses it would. */
function use(data) {
  return data.charCodeAt(data.length >> 1) ? 1 : 0
}

/** Each takes chunks of one stream and counts its events. */
const DECODERS = {
  tidings(chunks) {
    let events = 0
    const decoder = createDecoder({ event: ({ data }) => (events += use(data)) })
    for (const chunk of chunks) decoder.push(chunk)
    return events
  },
  'eventsource-parser 4.1.3'(chunks) {
    let events = 0
    const utf8 = new TextDecoder()
    const parser = createParser({ onEvent: ({ data }) => (events += use(data)) })
    for (const chunk of chunks) parser.feed(utf8.decode(chunk, { stream: true }))
    return events
  },
  'fetch-event-source 2.0.1'(chunks) {
    let events = 0
    const onMessage = ({ data }) => (events += data === '' ? 0 : use(data))
    const onChunk = getLines(
      getMessages(
        () => {},
        () => {},
        onMessage,
      ),
    )
    for (const chunk of chunks) onChunk(chunk)
    return events
  },
}

const json = (size) => JSON.stringify({ text: 'x'.repeat(size), n: 1 })
const block = (size, end) =>
  ['id: e-123456', 'event: tick', `data: ${json(size)}`, '', ''].join(end)

const WORKLOADS = {
  'events of 200 bytes in chunks of 16 KiB': [block(150, '\n'), 16_384],
  'the same with CRLF': [block(150, '\r\n'), 16_384],
  'text that is not ASCII': [`data: ${'Größe 日本語 '.repeat(12)}\n\n`, 16_384],
  'events of 64 KiB in chunks of 16 KiB': [block(65_536, '\n'), 16_384],
  'a token in each chunk': ['data: {"delta":"tok"}\n\n', 22],
}

for (const [name, [text, size]] of Object.entries(WORKLOADS)) {
  const total = size < 100 ? BYTES / 8 : BYTES
  const bytes = new TextEncoder().encode(text.repeat(Math.ceil(total / text.length)))
  const chunks = []
  for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size))
  const times = Object.fromEntries(Object.keys(DECODERS).map((decoder) => [decoder, []]))
  const counts = new Set()
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [decoder, decode] of Object.entries(DECODERS)) {
      const start = process.cpuUsage()
      counts.add(decode(chunks))
      const { user, system } = process.cpuUsage(start)
      times[decoder].push((user + system) / 1e3)
    }
  }
  if (counts.size !== 1) throw new Error(`${name}: the decoders found ${[...counts]} events`)
  console.log(name)
  for (const [decoder, taken] of Object.entries(times)) {
    const best = Math.min(...taken)
    console.log(
      `  ${decoder.padEnd(26)} ${(bytes.length / 1e3 / best).toFixed(0).padStart(6)} MB/s`,
    )
  }
}
