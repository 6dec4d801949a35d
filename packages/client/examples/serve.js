import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { Activity } from './activity.js'

/** Serves the examples on a port, and gives the server and what it serves. */
export async function serve(port = 0) {
  const activity = new Activity()
  const pages = { '/vue': await page('vue.js'), '/react': await page('react.jsx') }
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, 'http://127.0.0.1')
    if (url.pathname.startsWith('/api/')) return activity.answer(url, response)
    if (url.pathname.startsWith('/dist/')) {
      response.setHeader('content-type', 'text/javascript')
      return response.end(await readFile(here(`..${url.pathname}`)))
    }
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(pages[url.pathname] ?? (await readFile(here('plain.html'))))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return { server, activity, url: `http://127.0.0.1:${server.address().port}` }
}

async function page(entry) {
  const { outputFiles } = await build({
    entryPoints: [here(entry)],
    bundle: true,
    format: 'esm',
    write: false,
    jsx: 'automatic',
    alias: { vue: 'vue/dist/vue.esm-bundler.js' },
    define: {
      'process.env.NODE_ENV': '"production"',
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
    },
  })
  const script = outputFiles[0].text.replaceAll('</script', '<\\/script')
  return `<!doctype html><div id="app"></div><script type="module">${script}</script>`
}

function here(path) {
  return fileURLToPath(new URL(path, import.meta.url))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url, activity } = await serve(8080)
  console.log(`${url}/plain ${url}/vue ${url}/react`)
  let total_requests = 3
  setInterval(() => {
    total_requests += 1
    activity.note('1', { id: 'a', client_name: 'Cursor', total_requests })
  }, 1000)
}
