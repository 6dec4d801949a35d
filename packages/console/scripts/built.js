import { pathToFileURL } from 'node:url'

/** Where the built page is: among the hub's sources, unless CONSOLE_OUT says otherwise. */
export function built() {
  const out = process.env.CONSOLE_OUT
  if (out) return pathToFileURL(`${out.replace(/\/$/, '')}/`)
  return new URL('../../../crates/tidings-server/src/page/built/', import.meta.url)
}
