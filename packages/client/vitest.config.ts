import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.{ts,tsx}'],
    exclude: ['test/browser/**'],
    maxWorkers: 1,
    setupFiles: ['test/dom.ts'],
    restoreMocks: true,
  },
})
