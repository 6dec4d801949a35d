import { createElement, type ReactNode, StrictMode, useEffect } from 'react'
import { flushSync } from 'react-dom'
import { describe, expect, test } from 'vitest'

import {
  createPool,
  PoolContext,
  type UseLive,
  type UseSSE,
  useLive,
  useSSE,
} from '../src/react.js'
import { container } from './dom.js'
import { FakeFetch, settle } from './fake-fetch.js'
import { behavesAsSSE } from './sse-behaviour.js'

const { createRoot } = await import('react-dom/client')
const { renderToString } = await import('react-dom/server')

/** Mounts components that share a pool, each by itself. */
function page() {
  const pool = createPool()
  return (component: () => ReactNode) => {
    const root = createRoot(container())
    const show = () =>
      flushSync(() => {
        const provided = createElement(PoolContext, { value: pool }, createElement(component))
        root.render(createElement(StrictMode, null, provided))
      })
    show()
    return { show, unmount: () => flushSync(() => root.unmount()) }
  }
}

describe('useSSE', () =>
  behavesAsSSE(() => {
    const mount = page()
    return (eventName, options) => {
      let used!: UseSSE<never>
      const { unmount } = mount(() => {
        used = useSSE<never>(eventName, options as never)
        return null
      })
      return {
        state() {
          const { data, isConnected, isLoading, error } = used
          return { data, isConnected, isLoading, error }
        },
        connect: (url) => flushSync(() => used.connect(url)),
        disconnect: () => flushSync(() => used.disconnect()),
        unmount,
      }
    }
  }))

test('an effect that connects does so once, also when it is run twice, and with new options', async () => {
  const net = new FakeFetch()
  let used: UseSSE<number> | undefined
  const { show, unmount } = page()(() => {
    const sse = useSSE<number>('n', { fetch: net.fetch, reconnectDelay: 1 })
    const { connect } = sse
    used = sse
    useEffect(() => connect('http://127.0.0.1:1/a'), [connect])
    return null
  })
  const call = (await net.call(0)).open()
  call.send('event: n\ndata: 1\n\n')
  await settle()
  expect(used?.data).toBe(1)
  show()
  show()
  await settle()
  expect(net.calls.length).toBe(1)
  unmount()
  await settle()
  expect(call.aborted).toBe(true)
})

test('components inside a pool share with each other alone', async () => {
  const net = new FakeFetch()
  const [inside, outside] = [page(), page()]
  const mounted = [inside, inside, outside].map((mount) =>
    mount(() => {
      const { connect } = useSSE<number>('n', { fetch: net.fetch })
      return createElement(Child, { connect })
    }),
  )
  await settle()
  expect(net.calls.filter(({ aborted }) => !aborted).length).toBe(2)
  for (const { unmount } of mounted) unmount()
})

test('connecting once the component is gone leaves no connection', async () => {
  const net = new FakeFetch()
  let used: UseSSE<number> | undefined
  const { unmount } = page()(() => {
    used = useSSE<number>('n', { fetch: net.fetch })
    return null
  })
  unmount()
  used?.connect('http://127.0.0.1:1/a')
  await settle()
  expect(net.calls.every(({ aborted }) => aborted)).toBe(true)
})

function Child({ connect }: Pick<UseSSE<number>, 'connect'>) {
  useEffect(() => connect('http://127.0.0.1:1/a'), [connect])
  return null
}

test('a child can connect for the component above it', async () => {
  const net = new FakeFetch()
  const { unmount } = page()(() => {
    const { connect } = useSSE<number>('n', { fetch: net.fetch })
    return createElement(Child, { connect })
  })
  await settle()
  expect(net.calls.map(({ aborted }) => aborted)).toEqual([false])
  unmount()
})

test('useLive follows a resource once, with new options, until its component is gone', async () => {
  const net = new FakeFetch()
  let used: UseLive<number> | undefined
  const { show, unmount } = page()(() => {
    used = useLive<number>({ url: 'http://127.0.0.1:1/n', fetch: net.fetch })
    return null
  })
  expect(used?.isLoading).toBe(true)
  const stream = (await net.call(0)).open()
  ;(await net.call(1)).answer(200, '1')
  await settle()
  expect([used?.value, used?.isConnected]).toEqual([1, true])
  show()
  stream.send('data: 2\n\n')
  await settle()
  expect(used?.value).toBe(2)
  expect(net.calls.length).toBe(2)
  unmount()
  expect(stream.aborted).toBe(true)
})

test('on a server nothing connects, and the state is the first one', async () => {
  const net = new FakeFetch()
  const component = () => {
    const { data, isLoading } = useSSE('x', { fetch: net.fetch })
    const { value } = useLive({ url: 'http://127.0.0.1:1/n', fetch: net.fetch })
    return `${data} ${isLoading} ${value}`
  }
  expect(renderToString(createElement(component))).toBe('null true undefined')
  await settle()
  expect(net.calls).toEqual([])
})

test('useLive shows nothing of another address', async () => {
  const net = new FakeFetch()
  let url = 'http://127.0.0.1:1/a'
  const shown: string[] = []
  const { show, unmount } = page()(() => {
    const { value, isLoading } = useLive<number>({ url, fetch: net.fetch })
    shown.push(`${url.at(-1)} ${value} ${isLoading}`)
    return null
  })
  ;(await net.call(0)).open()
  ;(await net.call(1)).answer(200, '1')
  await settle()
  expect(shown.at(-1)).toBe('a 1 false')
  url = 'http://127.0.0.1:1/b'
  show()
  unmount()
  expect(new Set(shown.filter((line) => line.startsWith('b')))).toEqual(
    new Set(['b undefined true']),
  )
})
