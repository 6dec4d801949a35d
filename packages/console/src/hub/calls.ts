import { bearer, credentials } from './credentials.js'

/** An answer of the hub other than success, or none. */
export class CallError extends Error {
  override name = 'CallError'
  readonly type: 'refused' | 'unreachable'
  readonly status: number

  constructor(type: CallError['type'], status: number, message: string) {
    super(message)
    this.type = type
    this.status = status
  }
}

/** What a query can hold; what is undefined or empty is left out. */
export type Query = Record<string, string | number | undefined | readonly string[]>

/** An address of the hub, which is below wherever this page is: a proxy may add a path. */
export function address(path = '', query: Query = {}): URL {
  const url = new URL(path, new URL('.', document.baseURI.replace(/#.*$/s, '')))
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) {
      if (value !== undefined && value !== '') url.searchParams.append(name, `${value}`)
    }
  }
  return url
}

export function fetchBody<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
  return call(address(path, query), signal ? { signal } : {}) as Promise<T>
}

export async function post<T>(path: string, body?: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
  return (await call(address(path), { method: 'POST', ...sent })) as T
}

export async function remove(path: string, query?: Query): Promise<void> {
  await call(address(path, query), { method: 'DELETE' })
}

/** Throws a `CallError` unless the hub takes these credentials, whatever they may do there. */
export async function check(shown: string): Promise<void> {
  // A header can hold nothing else.
  if (!/^[\x21-\x7e]+$/.test(shown)) {
    throw new CallError('refused', 0, 'A token or a key is one word of plain letters and signs.')
  }
  try {
    await send(address('api/topics', { limit: 1 }), {}, shown)
  } catch (error) {
    if (!isForbidden(error)) throw error
  }
}

/** Makes a request, again once somebody has signed in if the hub wants that. */
async function call(url: URL, request: RequestInit): Promise<unknown> {
  for (let refused: string | undefined; ; ) {
    const shown = await credentials.next(refused)
    try {
      return await send(url, request, shown)
    } catch (error) {
      if (isForbidden(error) && !request.method) credentials.lack()
      if (statusOf(error) !== 401) throw error
      refused = shown
    }
  }
}

async function send(url: URL, request: RequestInit, shown: string): Promise<unknown> {
  const headers = { ...request.headers, ...bearer(shown) }
  let response: Response
  try {
    response = await fetch(url, { cache: 'no-store', ...request, headers })
  } catch (cause) {
    if (request.signal?.aborted) throw cause
    throw new CallError('unreachable', 0, 'The hub does not answer.')
  }
  if (response.status === 204) return undefined
  const body: unknown = await response.json().catch(() => null)
  if (response.ok) return body
  const { detail } = (body ?? {}) as { detail?: string }
  throw new CallError('refused', response.status, detail ?? `The hub answered ${response.status}.`)
}

/** What to tell a person about something that failed. */
export function explain(error: unknown): string {
  const { problem, message } = error as { problem?: { detail?: string }; message?: string }
  return problem?.detail ?? message ?? String(error)
}

/** Whether it failed because the hub has no such thing. */
export function isAbsent(error: unknown): boolean {
  return statusOf(error) === 404
}

/** Whether it failed because the credentials are too little for it: asking again changes nothing. */
export function isForbidden(error: unknown): boolean {
  return statusOf(error) === 403
}

function statusOf(error: unknown): number | undefined {
  return (error as { status?: number } | null)?.status
}
