import { TidingsError } from './errors.js'
import { type Outgoing, sendOnce } from './http.js'

/** How many redirects in a row are followed (the number that browsers follow). */
const MOST = 20

/**
 * Follows redirects from an answer to a request, and gives the first one that is none.
 *
 * Across origins the secrets and cookies are dropped and do not come back. A browser shows neither
 * the status nor the target of a redirect; there it follows by itself, with no secret but
 * `Authorization`, which it drops when the origin changes.
 */
export async function follow(
  fetch: typeof globalThis.fetch,
  outgoing: Outgoing,
  answer: Response,
): Promise<Response> {
  if (answer.type === 'opaqueredirect') {
    const authorization = new Headers(outgoing.secrets).get('authorization')
    const secrets = authorization ? { authorization } : {}
    return sendOnce(fetch, { ...outgoing, secrets }, 'follow')
  }
  let request = outgoing
  let response = answer
  for (let followed = 0; [301, 302, 303, 307, 308].includes(response.status); followed += 1) {
    // A body that broke off cannot be cancelled, and need not be.
    response.body?.cancel().catch(() => {})
    const url = target(request, response)
    if (followed === MOST) throw new TidingsError('redirect', `more than ${MOST} redirects`)
    request = { ...request, url }
    if (url.origin !== outgoing.url.origin) {
      request.secrets = {}
      request.credentials = 'omit'
    }
    response = await sendOnce(fetch, request, 'manual')
  }
  return response
}

function target({ url, body }: Outgoing, { status, headers }: Response): URL {
  const location = headers.get('location') ?? ''
  const next = location && URL.canParse(location, url) && new URL(location, url)
  // A body is repeated only where the status says so.
  if (next && /^https?:$/.test(next.protocol) && (!body || status >= 307)) return next
  throw new TidingsError('redirect', `cannot follow ${status} to "${location}"`)
}
