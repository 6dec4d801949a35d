import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { HUB_PROGRAM, RunningHub } from './hub.js'

const run = promisify(execFile)
const { DENO, BUN } = process.env

const SEEN = {
  reads: ['{"größe":"日本語"}', 'l1\nl2'],
  resumes: ['0a', '0b', '1a', '1b', '2a', '2b', 'asked each time'],
  fails: expect.stringMatching(/^TidingsError: 404 /),
  decodes: ['1 😀', '1 é\n', '1 \ufffd'],
}

describe.skipIf(!HUB_PROGRAM)('the core', () => {
  let hub: RunningHub
  let folder: string
  let program: string

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidings-client-'))
    program = join(folder, 'check.mjs')
    await build({
      entryPoints: [new URL('../runtimes/check.ts', import.meta.url).pathname],
      bundle: true,
      format: 'esm',
      outfile: program,
      logLevel: 'error',
    })
    hub = await RunningHub.start()
  })
  afterEach(async () => {
    await hub.kill()
    rmSync(folder, { recursive: true })
  })

  test('works in Node', async () => {
    const { stdout } = await run(process.execPath, [program, hub.url])
    expect(JSON.parse(stdout)).toEqual(SEEN)
  })

  test('works in a worker thread of Node', async () => {
    const worker = new Worker(program, { argv: [hub.url], stdout: true })
    expect(JSON.parse(await text(worker.stdout))).toEqual(SEEN)
  })

  test.skipIf(!DENO)('works in Deno', async () => {
    const { stdout } = await run(`${DENO}`, ['run', '--allow-net', program, hub.url])
    expect(JSON.parse(stdout)).toEqual(SEEN)
  })

  test.skipIf(!BUN)('works in Bun', async () => {
    const { stdout } = await run(`${BUN}`, ['run', program, hub.url])
    expect(JSON.parse(stdout)).toEqual(SEEN)
  })
})
