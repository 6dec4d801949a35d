import { TidingsError } from 'tidings'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createCredentials } from '../src/hub/credentials.js'

const REFUSED = () => ({ failures: 0, error: new TidingsError('status', '401', { status: 401 }) })

/** What a browser keeps by name. */
function storage() {
  const texts = new Map<string, string>()
  return {
    texts,
    getItem: (name: string) => texts.get(name) ?? null,
    setItem: (name: string, text: string) => texts.set(name, text),
    removeItem: (name: string) => texts.delete(name),
  }
}

let session: ReturnType<typeof storage>
let local: ReturnType<typeof storage>

beforeEach(() => {
  session = storage()
  local = storage()
  vi.stubGlobal('sessionStorage', session)
  vi.stubGlobal('localStorage', local)
})
afterEach(() => {
  vi.unstubAllGlobals()
})

/** Whether something has settled once all that could happen has happened. */
async function hasSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(() => {
    settled = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

describe('credentials', () => {
  it('are sent with every attempt', async () => {
    const credentials = createCredentials()
    const headers = credentials.provider()
    expect(await headers({ failures: 0 })).toEqual({})
    credentials.take('one')
    expect(await headers({ failures: 0 })).toEqual({ authorization: 'Bearer one' })
    expect(await credentials.next()).toBe('one')
  })

  it('are kept as long as the tab, and nowhere else', () => {
    createCredentials().take('one')
    expect([...session.texts.values()]).toEqual(['one'])
    expect(local.texts.size).toBe(0)
    const reload = vi.fn()
    const later = createCredentials(reload)
    expect(later.isSignedIn.value).toBe(true)
    later.signOut()
    expect(session.texts.size).toBe(0)
    expect(reload).toHaveBeenCalledOnce()
  })

  it('are asked for once however many requests are refused, which then go on', async () => {
    const credentials = createCredentials()
    const [stream, other] = [credentials.provider(), credentials.provider()]
    await Promise.all([stream({ failures: 0 }), other({ failures: 0 }), credentials.next()])
    const waiting = [stream(REFUSED()), other(REFUSED()), credentials.next(''), credentials.next()]
    expect(await hasSettled(Promise.race(waiting))).toBe(false)
    expect(credentials.asked.value).toBe('missing')
    credentials.take('one')
    const header = { authorization: 'Bearer one' }
    expect(await Promise.all(waiting)).toEqual([header, header, 'one', 'one'])
    expect(credentials.asked.value).toBeUndefined()
  })

  it('are not asked for again when those before them are refused late', async () => {
    const credentials = createCredentials()
    credentials.take('one')
    const headers = credentials.provider()
    await headers({ failures: 0 })
    credentials.take('two')
    expect(await headers(REFUSED())).toEqual({ authorization: 'Bearer two' })
    expect(await credentials.next('one')).toBe('two')
    expect(credentials.asked.value).toBeUndefined()
  })

  it('are not judged twice by one refusal', async () => {
    const credentials = createCredentials()
    credentials.take('one')
    const headers = credentials.provider()
    await headers({ failures: 0 })
    const refused = REFUSED()
    const renewed = headers(refused)
    credentials.take('two')
    await renewed
    expect(await headers(refused)).toEqual({ authorization: 'Bearer two' })
  })

  it.each(['token-expired', 'revoked'] as const)('tell that they are %s', async (reason) => {
    const credentials = createCredentials()
    credentials.take('one')
    const headers = credentials.provider()
    await headers({ failures: 0 })
    credentials.next('one')
    await hasSettled(Promise.resolve())
    expect(credentials.asked.value).toBe('refused')
    const error = Object.assign(new TidingsError('closed', reason), { reason })
    headers({ failures: 0, error })
    expect(credentials.asked.value).toBe(reason)
    expect(session.texts.size).toBe(0)
  })

  it('begin the page anew if there was something that the ones before may not see', async () => {
    const reload = vi.fn()
    const credentials = createCredentials(reload)
    credentials.take('one')
    const error = new TidingsError('status', '403', { status: 403 })
    await credentials.provider()({ failures: 0, error })
    expect(credentials.asked.value).toBeUndefined()
    credentials.take('two')
    expect(reload).toHaveBeenCalledOnce()
    expect([...session.texts.values()]).toEqual(['two'])
  })

  it('can be chosen without need, or kept', async () => {
    const credentials = createCredentials()
    credentials.take('one')
    credentials.choose()
    expect(credentials.asked.value).toBe('chosen')
    expect(await credentials.next()).toBe('one')
    credentials.keep()
    expect(credentials.asked.value).toBeUndefined()
    credentials.choose()
    const waiting = credentials.next('one')
    await hasSettled(waiting)
    credentials.keep()
    expect(credentials.asked.value).toBe('refused')
  })
})
