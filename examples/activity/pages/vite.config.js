import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const client = here('../../../packages/client/src')

export default defineConfig({
  base: './',
  plugins: [vue()],
  esbuild: { jsx: 'automatic' },
  resolve: {
    // The client as it is here. Elsewhere it is installed: `npm install tidings`.
    alias: [
      { find: 'tidings/live', replacement: `${client}/live/index.ts` },
      { find: 'tidings/vue', replacement: `${client}/vue.ts` },
      { find: 'tidings/react', replacement: `${client}/react.ts` },
    ],
    dedupe: ['react', 'vue'],
  },
  build: {
    rollupOptions: { input: [here('vue/index.html'), here('react/index.html')] },
  },
})
