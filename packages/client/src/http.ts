import { type Problem, TidingsError } from './errors.js'

/** A request that can be made any number of times. */
export interface Outgoing extends Omit<RequestInit, 'headers' | 'credentials'> {
  url: URL
  /** Whether cookies are sent. Default: to the page's own origin. */
  credentials?: RequestCredentials | undefined
  /** Headers that any server may see. */
  headers?: Record<string, string>
  /** Headers for the origin of `url` alone. */
  secrets?: HeadersInit | undefined
}

/** Why headers are asked for. */
export interface Why {
  /** How many attempts in a row have failed. */
  failures: number
  /**
   * Why the last one did. A `status` of 401 or 403 means that the headers were refused, a `reason`
   * of `token-expired` or `revoked` that the hub has ended the stream for them.
   */
  error?: TidingsError | undefined
}

/** How requests are made. */
export interface RequestOptions {
  /** Sent to the server's own origin only. A function is asked before each attempt, and told why. */
  headers?: HeadersInit | ((why: Why) => HeadersInit | Promise<HeadersInit>) | undefined
  /** Whether cookies are sent. Default: to the page's own origin. */
  credentials?: RequestCredentials | undefined
  fetch?: typeof fetch | undefined
}

/** The longest wait a server can ask for, in milliseconds; more is taken as this. */
const LONGEST_WAIT = 3_600_000

/** A body whose length in bytes has more digits is not read as a problem. */
const LONGEST_PROBLEM = 5

/**
 * Sends the request, follows redirects, and gives an answer of status 200 or 204. `ready` is called
 * once the headers are there; if it throws, nothing is sent.
 */
export async function send(
  outgoing: Outgoing,
  { headers, credentials, fetch = globalThis.fetch }: RequestOptions,
  why: Why,
  ready?: () => void,
): Promise<Response> {
  let secrets: HeadersInit | undefined
  try {
    secrets = typeof headers === 'function' ? await headers(why) : headers
  } catch (cause) {
    throw new TidingsError('credentials', 'no headers', { cause })
  }
  ready?.()
  const request: Outgoing = { cache: 'no-store', credentials, ...outgoing, secrets }
  let response = await sendOnce(fetch, request, 'manual')
  // A browser gives the status of a redirect as 0.
  if (/^[03]/.test(`${response.status}`)) {
    const { follow } = await import('./redirect.js')
    response = await follow(fetch, request, response)
  }
  if (/20[04]/.test(`${response.status}`)) return response
  throw await refusal(response)
}

/** Sends the request to the one server that it names. */
export function sendOnce(
  fetch: typeof globalThis.fetch,
  { url, secrets, headers, ...request }: Outgoing,
  redirect: RequestRedirect,
): Promise<Response> {
  const all = new Headers(secrets)
  for (const name in headers) all.set(name, headers[name] as string)
  return fetch(url, { ...(request as RequestInit), headers: all, redirect })
}

async function refusal(response: Response): Promise<TidingsError> {
  const { status, headers } = response
  const short = (headers.get('content-length')?.length as number) <= LONGEST_PROBLEM
  let problem: Problem | undefined
  try {
    problem = await (short ? response.json() : response.body?.cancel())
  } catch {
    // A body that is no problem leaves the status to speak for itself.
  }
  const after = headers.get('retry-after') as string
  const wait = +after * 1000 || Date.parse(after) - Date.now()
  return new TidingsError('status', `${status} ${problem?.detail ?? ''}`, {
    status,
    problem,
    retryAfter: wait > 0 ? Math.min(wait, LONGEST_WAIT) : 0,
  })
}

/** The bounds of the wait before another attempt, in milliseconds. */
export interface Backoff {
  /** The shortest. A server can make it longer, never shorter. Default: 1 second. */
  base?: number | undefined
  /** The longest, unless the server asks for a longer one. Default: 60 seconds. */
  cap?: number | undefined
}

/**
 * The wait after so many failures in a row: never shorter than `floor`, and above it a random part
 * whose bound doubles each time.
 */
export function backoff(
  { base = 1000, cap = 60_000 }: Backoff = {},
  failures: number,
  floor: number,
): number {
  const least = Math.max(base, floor)
  // A base of 0 grows as well, or a server that is down would be asked without end.
  const most = Math.min((base || 100) * 2 ** (failures - 1), cap - least)
  return least + Math.random() * Math.max(0, most)
}
