// What each entry weighs: bundled, minified, compressed by gzip. Fails if the main one is over its
// budget. What an entry loads only when it is needed is not part of it, and is told beside.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { minify } from 'terser'

/** Bytes for all of the main entry. */
const BUDGET = 4000

const ENTRIES = ['index', 'live/index', 'shared/index', 'eventsource', 'vue', 'react']

/** Leaves out what is loaded by `import()`. */
const LATER = {
  name: 'later',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind }) =>
      kind === 'dynamic-import' ? { external: true } : {},
    )
  },
}

async function weigh(entry, plugins) {
  const { outputFiles } = await build({
    entryPoints: [`src/${entry}.ts`],
    bundle: true,
    external: ['vue', 'react'],
    format: 'esm',
    target: 'es2022',
    write: false,
    outdir: '.',
    plugins,
  })
  const compress = { passes: 3 }
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2022, compress })
  return gzipSync(code, { level: 9 }).length
}

for (const entry of ENTRIES) {
  const [bytes, all] = [await weigh(entry, [LATER]), await weigh(entry, [])]
  console.log(`${entry.padEnd(14)} ${bytes} bytes, ${all} with what may be loaded later`)
  if (entry === 'index' && bytes > BUDGET) {
    console.error(`the main entry is over its budget of ${BUDGET} bytes`)
    process.exitCode = 1
  }
}
