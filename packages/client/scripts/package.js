// Whether what `npm pack` packs is what is meant to be: nothing but the built modules with their
// types, the licences, the readme; and whether publint and attw find nothing.
import { execFileSync } from 'node:child_process'

const [{ files }] = JSON.parse(
  execFileSync('npm', ['pack', '--dry-run', '--json', '--silent'], { encoding: 'utf8' }),
)
const MEANT = /^(package\.json|README\.md|LICENSE-(MIT|APACHE)|dist\/[a-z/]+\.(js|d\.ts))$/
const paths = files.map(({ path }) => path)
const strangers = paths.filter((path) => !MEANT.test(path))
if (strangers.length) throw new Error(`not meant to be published: ${strangers.join(', ')}`)
for (const needed of ['README.md', 'LICENSE-MIT', 'LICENSE-APACHE', 'dist/shared/worker.js']) {
  if (!paths.includes(needed)) throw new Error(`${needed} is missing`)
}
console.log(`${paths.length} files`)
execFileSync('npx', ['publint', '--strict'], { stdio: 'inherit' })
execFileSync('npx', ['attw', '--pack', '.', '--profile', 'esm-only', '--quiet'], {
  stdio: 'inherit',
})
