import { execFileSync } from 'node:child_process'

/** The secret that a hub of these tests and who makes tokens for it have. */
const SECRET = 'a secret of the tests, and of nobody else'

/** What makes a hub ask for credentials. */
export const GUARDED = { TIDINGS_AUTH_JWT_SECRET: SECRET }

/** The rights of who may do everything. */
export const ALL = ['--admin', '--subscribe', '**', '--publish', '**']

/** A token as an operator makes it, by the program that TIDINGS_BIN names. */
export function mint(...options) {
  const env = { PATH: process.env.PATH, ...GUARDED }
  return execFileSync(process.env.TIDINGS_BIN, ['token', ...options], { env, encoding: 'utf8' }).trim()
}

/** A request of whoever has a token. */
export function ask(hub, token, path, { headers, ...request } = {}) {
  const shown = { ...headers, Authorization: `Bearer ${token}` }
  return fetch(`${hub.url}${path}`, { ...request, headers: shown })
}
