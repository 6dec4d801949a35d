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

async function call(url: URL, request: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, { cache: 'no-store', ...request })
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
  return (error as { status?: number } | null)?.status === 404
}
