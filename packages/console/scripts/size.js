// What a browser loads at first, compressed by gzip. Fails if it is more than the budget.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { built } from './built.js'

/** Bytes for the page, its scripts and its styles. */
const BUDGET = 150_000

const files = readdirSync(built(), { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile() && !file.name.endsWith('.gz'))
  .map((file) => `${file.parentPath}/${file.name}`)
let total = 0
for (const file of files) {
  const bytes = gzipSync(readFileSync(file), { level: 9 }).length
  total += bytes
  console.log(`${file.split('/').at(-1).padEnd(28)} ${bytes} bytes`)
}
console.log(`${'first load'.padEnd(28)} ${total} bytes of ${BUDGET}`)
if (!files.length || total > BUDGET) {
  console.error(files.length ? 'the first load is over its budget' : 'nothing is built')
  process.exitCode = 1
}
