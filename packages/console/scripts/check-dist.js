// Whether the page that the hub serves is what its source gives: it is built anew, elsewhere, and
// compared byte by byte. Versions of zlib compress differently, so of what is compressed the
// content is compared.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { built } from './built.js'

function contents(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  const entries = files
    .filter((file) => file.isFile())
    .map((file) => {
      const path = join(file.parentPath, file.name)
      const bytes = readFileSync(path)
      const content = path.endsWith('.gz') ? gunzipSync(bytes) : bytes
      return [path.slice(folder.length).replace(/^\//, ''), content]
    })
  return new Map(entries.sort())
}

const fresh = mkdtempSync(join(tmpdir(), 'tidings-console-'))
try {
  const env = { ...process.env, CONSOLE_OUT: fresh }
  execFileSync('npm', ['run', 'build', '--silent'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const [committed, made] = [contents(fileURLToPath(built())), contents(fresh)]
  const names = new Set([...committed.keys(), ...made.keys()])
  const stale = [...names].filter((name) => {
    const content = made.get(name)
    return !content || !committed.get(name)?.equals(content)
  })
  if (stale.length) {
    console.error(`not what the source gives: ${stale.join(', ')}; run npm run build`)
    process.exitCode = 1
  }
} finally {
  rmSync(fresh, { recursive: true })
}
