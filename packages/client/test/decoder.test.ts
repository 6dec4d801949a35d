import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

import { createDecoder, type Limits } from '../src/decoder.js'
import { TidingsError } from '../src/errors.js'

interface Vector {
  name: string
  line_ends?: 'any'
  limits?: Record<string, number>
  resume_from?: string
  connections: Connection[]
}

interface Connection {
  input?: string
  input_hex?: string
  frames: object[]
  last_event_id: string
  error?: string
}

const NAMES: Record<string, keyof Limits> = {
  line: 'line',
  event: 'event',
  id: 'id',
  name: 'name',
  retry_floor_ms: 'retryFloor',
  retry_cap_ms: 'retryCap',
}

const { vectors } = load('decode.json') as { vectors: Vector[] }
const { blocks, comments, preambles } = load('encode.json')

describe('a vector gives the same however it is cut', () => {
  for (const vector of vectors) {
    const ends = vector.line_ends === 'any' ? ['\n', '\r\n', '\r'] : ['\n']
    for (const end of ends) {
      test(`${vector.name} ${JSON.stringify(end)}`, () => {
        const inputs = vector.connections.map((connection) => bytesOf(connection, end))
        const expected = vector.connections.map(({ frames, last_event_id, error }) => ({
          frames,
          last_event_id,
          ...(error && { error }),
        }))
        const check = (cut: (input: Uint8Array, index: number) => Uint8Array[], how: string) => {
          expect(run(vector, inputs.map(cut)), how).toEqual(expected)
        }
        check((input) => [input], 'whole')
        check(
          (input) => [...input].flatMap((byte) => [Uint8Array.of(), Uint8Array.of(byte)]),
          'byte by byte',
        )
        for (const [cutIndex, { length }] of inputs.entries()) {
          for (let at = 0; at <= length; at += 1) {
            const cut = (input: Uint8Array, index: number) =>
              index === cutIndex ? [input.subarray(0, at), input.subarray(at)] : [input]
            check(cut, `connection ${cutIndex} cut at ${at}`)
          }
        }
      })
    }
  }
})

describe('what the encoder writes is read back', () => {
  test.each(
    blocks as { name: string; id?: string; event?: string; bytes: string; decoded: string }[],
  )('$name', ({ id, event, bytes, decoded }) => {
    expect(framesOf(bytes)).toEqual([{ event: event ?? 'message', data: decoded, id: id ?? '' }])
  })

  test.each(comments as { text: string; bytes: string; decoded: string[] }[])(
    'comment $text',
    ({ bytes, decoded }) => {
      expect(framesOf(bytes)).toEqual(decoded.map((comment) => ({ comment })))
    },
  )

  test.each(preambles as { retry_ms?: number; id?: string; bytes: string }[])(
    'preamble $bytes',
    ({ retry_ms, id, bytes }) => {
      const frames = retry_ms === undefined ? [] : [{ retry_ms }]
      expect(run({ limits: { retry_floor_ms: 0 } }, [[encode(bytes)]])).toEqual([
        { frames, last_event_id: id ?? '' },
      ])
    },
  )
})

test('an event of many short lines is read in time linear in its bytes', () => {
  const lines = 200_000
  const text = `${'data: \u20ac\n'.repeat(lines)}\n`
  let length = 0
  const handlers = { event: ({ data }: { data: string }) => (length = data.length) }
  createDecoder(handlers, { event: lines * 4 }).push(encode(text))
  expect(length).toBe(lines * 2 - 1)
})

function framesOf(text: string): object[] | undefined {
  return run({}, [[encode(text)]])[0]?.frames
}

/** What the decoder reports of each connection, and where it ends up. */
function run(vector: Partial<Vector>, connections: Uint8Array[][]) {
  let frames: object[] = []
  const limits = Object.fromEntries(
    Object.entries(vector.limits ?? {}).map(([name, value]) => [NAMES[name], value]),
  )
  const handlers = {
    event: (event: object) => frames.push(event),
    comment: (comment: string) => frames.push({ comment }),
    retry: (retry_ms: number) => frames.push({ retry_ms }),
  }
  let lastEventId = vector.resume_from
  return connections.map((chunks) => {
    frames = []
    const decoder = createDecoder(handlers, limits, lastEventId)
    const error = failure(() => {
      for (const chunk of chunks) decoder.push(chunk)
    })
    lastEventId = decoder.lastEventId
    return { frames, last_event_id: lastEventId, ...(error && { error }) }
  })
}

/** The name of the limit that was passed. */
function failure(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof TidingsError && error.type === 'limit') return error.message.split(' ')[0]
    throw error
  }
}

function bytesOf({ input, input_hex }: Connection, lineEnd: string): Uint8Array {
  if (input === undefined) return Uint8Array.from(Buffer.from(input_hex ?? '', 'hex'))
  return encode(input.replaceAll('\n', lineEnd))
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function load(file: string) {
  const path = new URL(`../../../conformance/${file}`, import.meta.url)
  return JSON.parse(readFileSync(path, 'utf8'))
}
