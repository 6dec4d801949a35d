// What clients weigh: everything they export, bundled, minified, compressed by gzip.
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { minify } from 'terser'

const LATER = {
  name: 'later',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind }) =>
      kind === 'dynamic-import' ? { external: true } : {},
    )
  },
}

const CLIENTS = {
  tidings: '../dist/index.js',
  'eventsource 5.1.5': 'eventsource',
  '@microsoft/fetch-event-source 2.0.1': '@microsoft/fetch-event-source',
  'event-source-plus 0.1.15': 'event-source-plus',
}

for (const [name, path] of Object.entries(CLIENTS)) {
  const { outputFiles } = await build({
    stdin: { contents: `export * from '${path}'`, resolveDir: import.meta.dirname },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    plugins: [LATER],
  })
  const compress = { passes: 3 }
  const { code } = await minify(outputFiles[0].text, { module: true, ecma: 2022, compress })
  console.log(`${name.padEnd(38)} ${gzipSync(code, { level: 9 }).length} bytes`)
}
