// Compresses what was built ahead, so that the hub has nothing to do for a browser that takes gzip.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { built } from './built.js'

const assets = new URL('assets/', built())
for (const name of readdirSync(assets).filter((name) => /\.(js|css)$/.test(name))) {
  writeFileSync(
    new URL(`${name}.gz`, assets),
    gzipSync(readFileSync(new URL(name, assets)), { level: 9 }),
  )
}
