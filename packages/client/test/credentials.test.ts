import { expect, test, vi } from 'vitest'

import type { Why } from '../src/index.js'
import { settle } from './fake-fetch.js'
import { beginAnew, follow, net } from './following.js'

beginAnew()

test('the provider is told how often it failed, and why', async () => {
  const whys: Why[] = []
  const headers = (why: Why) => {
    whys.push(why)
    return {}
  }
  const subscription = follow({ headers })
  await settle()
  net.calls[0]?.fail()
  await settle()
  await vi.advanceTimersByTimeAsync(1000)
  await settle()
  expect(whys[0]).toEqual({ failures: 0, error: undefined })
  expect(whys[1]).toMatchObject({ failures: 1, error: { type: 'network' } })
  subscription.close()
})

test('headers that are refused after a restart are asked for anew', async () => {
  let asked = 0
  const headers = () => {
    asked += 1
    return {}
  }
  const subscription = follow({ headers })
  ;(await net.call(0)).answer(401)
  ;(await net.call(1)).open()
  await settle()
  subscription.restart()
  ;(await net.call(2)).answer(401)
  ;(await net.call(3)).open()
  await settle()
  expect(asked).toBe(4)
  expect(subscription.state.state).toBe('open')
  subscription.close()
})

test('the provider is not told of a refusal that is over', async () => {
  const told: unknown[] = []
  const subscription = follow({
    headers: ({ error }) => {
      told.push(error?.status)
      return {}
    },
  })
  ;(await net.call(0)).answer(401)
  ;(await net.call(1)).open().send('data: a\n\n')
  await settle()
  subscription.restart()
  await net.call(2)
  subscription.close()
  expect(told).toEqual([undefined, 401, undefined])
})
