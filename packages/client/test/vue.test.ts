import { describe, expect, test } from 'vitest'
import { createApp, createSSRApp, defineComponent, h, render } from 'vue'
import { renderToString } from 'vue/server-renderer'

import { type UseLive, useLive, useSSE } from '../src/vue.js'
import { container } from './dom.js'
import { FakeFetch, settle } from './fake-fetch.js'
import { behavesAsSSE } from './sse-behaviour.js'

/** Mounts components of one application, each by itself. */
function application() {
  const app = createApp({ render: () => null })
  app.mount(container())
  return <Used>(use: () => Used): { used: Used; unmount: () => void } => {
    let used: Used | undefined
    const element = container()
    const component = defineComponent({
      setup() {
        used = use()
        return () => null
      },
    })
    const node = h(component)
    node.appContext = app._context
    render(node, element)
    return { used: used as Used, unmount: () => render(null, element) }
  }
}

// The first application sets a timer of its own.
application()

describe('useSSE', () =>
  behavesAsSSE(() => {
    const mount = application()
    return (eventName, options) => {
      const { used, unmount } = mount(() => useSSE<never>(eventName, options as never))
      const { data, isConnected, isLoading, error, connect, disconnect } = used
      const state = () => ({
        data: data.value,
        isConnected: isConnected.value,
        isLoading: isLoading.value,
        error: error.value,
      })
      return { state, connect, disconnect, unmount }
    }
  }))

test('useLive follows a resource until its component is gone', async () => {
  const net = new FakeFetch()
  const { used, unmount } = application()(
    (): UseLive<number> => useLive({ url: 'http://127.0.0.1:1/n', fetch: net.fetch }),
  )
  expect(used.isLoading.value).toBe(true)
  const stream = (await net.call(0)).open()
  ;(await net.call(1)).answer(200, '1')
  await settle()
  expect([used.value.value, used.isConnected.value]).toEqual([1, true])
  stream.send('data: 2\n\n')
  await settle()
  expect(used.value.value).toBe(2)
  unmount()
  expect(stream.aborted).toBe(true)
})

test('connecting once the component is gone connects nothing', async () => {
  const net = new FakeFetch()
  const { used, unmount } = application()(() => useSSE('x', { fetch: net.fetch }))
  unmount()
  used.connect('http://127.0.0.1:1/a')
  await settle()
  expect(net.calls).toEqual([])
})

test('on a server nothing connects, and the state is the first one', async () => {
  const net = new FakeFetch()
  const component = defineComponent({
    setup() {
      const { data, isLoading, connect } = useSSE('x', { fetch: net.fetch })
      const { value } = useLive({ url: 'http://127.0.0.1:1/n', fetch: net.fetch })
      connect('http://127.0.0.1:1/a')
      return () => `${data.value} ${isLoading.value} ${value.value}`
    },
  })
  expect(await renderToString(createSSRApp(component))).toBe('null true undefined')
  await settle()
  expect(net.calls).toEqual([])
})
