import { mergeConfig } from 'vite'
import { defineConfig } from 'vitest/config'
import vite from './vite.config.js'

export default mergeConfig(
  vite,
  defineConfig({
    test: { include: ['test/**/*.test.ts'], maxWorkers: 1, restoreMocks: true },
  }),
)
