import { describe, expect, test } from 'vitest'

import type { Why } from '../../src/index.js'
import { settle } from '../fake-fetch.js'
import { beginWithoutTabs, changes, follow, hello, net, nth, streams, tab, until } from './tabs.js'

beginWithoutTabs()

test('headers are asked of a tab', async () => {
  const asked: unknown[] = []
  const headers = ({ error }: { error?: { status?: number | undefined } | undefined }) => {
    asked.push(error?.status)
    return { authorization: `Bearer ${asked.length}` }
  }
  follow(tab({ headers }), ['a'])
  const first = await nth(streams, 0)
  expect(first.header('authorization')).toBe('Bearer 1')
  first.answer(401)
  expect((await nth(streams, 1)).header('authorization')).toBe('Bearer 2')
  expect(asked).toEqual([undefined, 401])
})

describe('headers that a tab does not have', () => {
  const none = () => {
    throw new Error('signed out')
  }

  test('are those of another tab, however late it answers', async () => {
    let answer = (_: HeadersInit) => {}
    const headers = () => {
      return new Promise<HeadersInit>((resolve) => {
        answer = resolve
      })
    }
    follow(tab({ headers }), ['a'])
    const { states } = follow(tab({ headers: none }), ['a'])
    await until(() => states.length > 0)
    await settle()
    answer({ authorization: 'Bearer 2' })
    expect((await nth(streams, 0)).header('authorization')).toBe('Bearer 2')
    expect(states).toEqual(['connecting'])
  })

  test('are waited for no longer than until no tab has any', async () => {
    const one = follow(tab({ headers: none }), ['a'])
    const two = follow(tab({ headers: none }), ['a'])
    await until(() => 'error' in one.subscription.state)
    expect(one.subscription.state).toMatchObject({ error: { type: 'credentials' } })
    await until(() => two.states.includes('waiting'))
    expect(net.calls).toEqual([])
  })
})

test('another page connects with its own headers', async () => {
  const one = follow(tab({ headers: { authorization: 'old' } }), ['a'])
  ;(await nth(streams, 0)).answer(401)
  await one.ended
  follow(tab({ headers: { authorization: 'new' } }), ['a'])
  expect((await nth(streams, 1)).header('authorization')).toBe('new')
})

test('headers that are refused for a change of topics are asked for anew', async () => {
  const asked: unknown[] = []
  const headers = ({ error }: { error?: { status?: number | undefined } | undefined }) => {
    asked.push(error?.status)
    return { authorization: `Bearer ${asked.length}` }
  }
  const page = tab({ headers })
  const one = follow(page, ['a'])
  hello(await nth(streams, 0), 'e-0')
  await until(() => one.states.includes('open'))
  follow(page, ['b'])
  ;(await nth(changes, 0)).answer(401)
  const again = await nth(changes, 1)
  expect(again.header('authorization')).toBe('Bearer 3')
  again.answer(200, '{"position":"e-0"}')
  await settle()
  expect(asked).toEqual([undefined, undefined, 401])
  expect(streams().length).toBe(1)
})

test('a tab is told why headers are asked of it', async () => {
  const asked: unknown[] = []
  const headers = ({ error }: Why) => {
    asked.push(error?.reason)
    return {}
  }
  follow(tab({ headers }), ['a'])
  const goodbye = '{"reason":"token-expired","retry_after_ms":null}'
  hello(await nth(streams, 0), 'e-0').send(`event: tidings.goodbye\ndata: ${goodbye}\n\n`)
  await nth(streams, 1)
  expect(asked).toEqual([undefined, 'token-expired'])
})
