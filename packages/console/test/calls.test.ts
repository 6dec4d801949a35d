import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** The requests that were made: what they showed, and how they are answered. */
let shown: (string | undefined)[]
let answers: (shown: string | undefined) => Response

async function load() {
  vi.resetModules()
  const calls = await import('../src/hub/calls.js')
  const { credentials } = await import('../src/hub/credentials.js')
  vi.stubGlobal('document', { baseURI: 'http://127.0.0.1:1/' })
  return { ...calls, credentials }
}

beforeEach(() => {
  shown = []
  vi.stubGlobal('fetch', async (_: URL, { headers }: { headers: Record<string, string> }) => {
    shown.push(headers['authorization'])
    return answers(headers['authorization'])
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
})

const body = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })
const guarded = (good: string) => (shown: string | undefined) =>
  shown === `Bearer ${good}` ? body(200, 'in') : body(401, { detail: 'not valid' })

describe('a call', () => {
  it('that is refused waits for credentials, and asks no more until there are some', async () => {
    answers = guarded('good')
    const { fetchBody, post, credentials } = await load()
    const waiting = [fetchBody('api/topics'), post('api/tickets')]
    await vi.waitUntil(() => credentials.asked.value)
    await new Promise((resolve) => setImmediate(resolve))
    expect(shown).toEqual([undefined, undefined])
    credentials.take('good')
    expect(await Promise.all(waiting)).toEqual(['in', 'in'])
    expect(shown.length).toBe(4)
  })

  it('of somebody who may not make it fails at once', async () => {
    answers = () => body(403, { detail: 'this needs the admin right' })
    const { remove, isForbidden, credentials } = await load()
    const error = await remove('api/topics').catch((error) => error)
    expect(isForbidden(error)).toBe(true)
    expect(error.message).toBe('this needs the admin right')
    expect(shown.length).toBe(1)
    expect(credentials.asked.value).toBeUndefined()
  })
})

describe('a check', () => {
  it('takes what the hub takes, whatever it may do', async () => {
    const { check } = await load()
    answers = guarded('good')
    await check('good')
    await expect(check('bad')).rejects.toThrow('not valid')
    answers = () => body(403, { detail: 'no right' })
    await check('narrow')
  })

  it('does not send what no header can hold', async () => {
    const { check } = await load()
    for (const text of ['two words', 'line\nbreak', 'tökén']) {
      await expect(check(text)).rejects.toThrow('one word')
    }
    expect(shown).toEqual([])
  })
})
