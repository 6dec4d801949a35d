import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/browser/*.test.ts'],
    maxWorkers: 1,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A second is no time for what waits to be let in: a hub says when in whole seconds.
    expect: { poll: { timeout: 20_000 } },
  },
})
