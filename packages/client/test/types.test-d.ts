import { expectTypeOf, test } from 'vitest'
import type { ComputedRef } from 'vue'

import {
  createHub,
  type Gap,
  type Item,
  type Receipt,
  type State,
  type StreamEvent,
  subscribe,
  type TidingsError,
} from '../src/index.js'
import {
  append,
  checked,
  type Live,
  live,
  prepend,
  type Schema,
  snapshot,
} from '../src/live/index.js'
import { useSSE as useSSEInReact } from '../src/react.js'
import { useLive, useSSE } from '../src/vue.js'

// These are checked by the compiler, and not run.
test('a subscription is to an address or to topics', () => {
  subscribe({ url: '/stream' })
  subscribe({ topics: ['t'], from: 'last:5' })
  // @ts-expect-error Nothing is subscribed to.
  subscribe({})
  // @ts-expect-error It is `last:` and a number.
  subscribe({ topics: ['t'], from: 'last:x' })
  // @ts-expect-error A stream cannot be sent twice.
  subscribe({ url: '/stream', body: new ReadableStream() })
  // @ts-expect-error A misspelt option is none.
  subscribe({ url: '/stream', onEvents: () => {} })
})

test('items are told apart by their type', async () => {
  for await (const item of subscribe({ url: '/stream' })) {
    expectTypeOf(item).toEqualTypeOf<Item>()
    if (item.type === 'gap') expectTypeOf(item).toEqualTypeOf<Gap>()
    if (item.type === 'event') expectTypeOf(item).toEqualTypeOf<StreamEvent>()
  }
})

test('a state has an error where there is one', () => {
  const state = {} as State
  // @ts-expect-error Not every state has one.
  state.error
  if (state.state === 'waiting') expectTypeOf(state.error).toEqualTypeOf<TidingsError>()
  if (state.state === 'closed' && state.reason === 'failed') {
    expectTypeOf(state.error).toEqualTypeOf<TidingsError>()
  }
})

test('headers are given or provided', () => {
  subscribe({ url: '/stream', headers: { a: 'b' } })
  subscribe({
    url: '/stream',
    headers: async ({ failures, error }) => {
      expectTypeOf(failures).toEqualTypeOf<number>()
      expectTypeOf(error).toEqualTypeOf<TidingsError | undefined>()
      return new Headers()
    },
  })
})

test('publishing gives a receipt', () => {
  expectTypeOf(createHub().publish('t', { data: 1 })).toEqualTypeOf<Promise<Receipt>>()
  // @ts-expect-error An event has data.
  createHub().publish('t', { event: 'x' })
})

test('a live value has the type of its schema and its reducers', () => {
  const schema = {} as Schema<number>
  expectTypeOf(live({ url: '/n', schema })).toEqualTypeOf<Live<number>>()
  expectTypeOf(snapshot('/n', { schema })).toEqualTypeOf<Promise<number>>()
  const rows = live<{ id: number }[]>({
    url: '/rows',
    on: { row: prepend({ key: 'id', cap: 10 }), many: append({ key: (row) => row.id }) },
  })
  expectTypeOf(rows.current.value).toEqualTypeOf<{ id: number }[] | undefined>()
  live<number>({ url: '/n', on: { more: checked(schema, (sum = 0, more) => sum + more) } })
  // @ts-expect-error Rows have no such key.
  live<{ id: number }[]>({ url: '/rows', on: { row: prepend({ key: 'name' }) } })
})

test('what components use is typed', () => {
  const inVue = useSSE<number[]>('x', { select: 'rows' })
  expectTypeOf(inVue.data).toEqualTypeOf<ComputedRef<number[] | null>>()
  expectTypeOf(inVue.error).toEqualTypeOf<ComputedRef<string | null>>()
  expectTypeOf(useLive<number>({ url: '/n' }).value).toEqualTypeOf<
    ComputedRef<number | undefined>
  >()
  const picked = useSSEInReact('x', { select: (payload: { n: number }) => payload.n })
  expectTypeOf(picked.data).toEqualTypeOf<number | null>()
})
