import { describe } from 'vitest'

import { createPool } from '../src/pool.js'
import { createSSE } from '../src/sse.js'
import { behavesAsSSE } from './sse-behaviour.js'

describe('plain', () =>
  behavesAsSSE(() => {
    const pool = createPool()
    return (eventName, options) => {
      const sse = createSSE<never>(pool, eventName, () => options as never)
      const { connect, disconnect } = sse
      return { state: () => sse.current, connect, disconnect, unmount: disconnect }
    }
  }))
