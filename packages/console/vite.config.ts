import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vite'

const client = (path: string) => fileURLToPath(new URL(`../client/src/${path}`, import.meta.url))

/** Where the hub's sources have the built page, so that building the hub needs no Node. */
const BUILT = '../../crates/tidings-server/src/page/built'

export default defineConfig({
  // Relative, so that the page works below any path.
  base: './',
  plugins: [vue()],
  define: {
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  resolve: {
    alias: [
      { find: /^tidings$/, replacement: client('index.ts') },
      { find: /^tidings\/live$/, replacement: client('live/index.ts') },
      { find: /^tidings\/vue$/, replacement: client('vue.ts') },
    ],
    dedupe: ['vue'],
  },
  build: {
    target: 'es2022',
    outDir: process.env['CONSOLE_OUT'] ?? BUILT,
    emptyOutDir: true,
    // Nothing is inlined: the policy of the page allows no inline style or script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        inlineDynamicImports: true,
        entryFileNames: 'assets/console-[hash].js',
        assetFileNames: 'assets/console-[hash][extname]',
      },
    },
  },
  server: {
    host: '127.0.0.1',
    proxy: {
      '/api': { target: process.env['TIDINGS_URL'] ?? 'http://127.0.0.1:8434', changeOrigin: true },
    },
  },
})
