import { createElement as h, StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useLive, useSSE } from 'tidings/react'

function Card() {
  const { data, isConnected, isLoading, error, connect } = useSSE<number[]>('client_activity', {
    reconnectDelay: 200,
  })
  useEffect(() => connect('/api/events/stream?topic=a'), [connect])
  return h(
    'pre',
    { id: 'card' },
    JSON.stringify({ data, isConnected, isLoading, error: error !== null }),
  )
}

function Topics() {
  const { value } = useLive<{ total: number }>({ url: '/api/topics' })
  return h('p', { id: 'topics' }, `${value?.total}`)
}

function App() {
  const [shown, show] = useState(true)
  Object.assign(globalThis, { removeCard: () => show(false) })
  return h('div', null, shown && h(Card), h(Topics))
}

const root = document.getElementById('app')
if (root) createRoot(root).render(h(StrictMode, null, h(App)))
