import { describe, expect, test, vi } from 'vitest'

import type { Why } from '../src/index.js'
import { settle } from './fake-fetch.js'
import { beginAnew, follow, log, net } from './following.js'

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

describe('a hub that says goodbye for the sake of the headers', () => {
  const goodbye = (reason: string) =>
    `event: tidings.goodbye\ndata: {"reason":"${reason}","retry_after_ms":5000}\n\n`

  /** Follows with a provider that notes why it is asked. */
  function ask() {
    const told: unknown[] = []
    const headers = ({ failures, error }: Why) => {
      told.push(error ? [failures, error.reason ?? error.status] : 'first')
      return {}
    }
    return { told, subscription: follow({ headers }) }
  }

  test('has expired tokens renewed at once, however the stream breaks off', async () => {
    const { told, subscription } = ask()
    ;(await net.call(0)).open().send(`retry: 9000\nid: 1\ndata: a\n\n${goodbye('token-expired')}`)
    const again = await net.call(1)
    expect(again.header('last-event-id')).toBe('1')
    again.open()
    await settle()
    expect(told).toEqual(['first', [0, 'token-expired']])
    expect(log).toEqual(['connecting', 'open', 'a', 'goodbye', 'connecting', 'open'])
    subscription.close()
  })

  test('does so each time that a token has lived', async () => {
    const { told, subscription } = ask()
    for (const call of [0, 1, 2]) {
      const stream = (await net.call(call)).open()
      await settle()
      await vi.advanceTimersByTimeAsync(10_000)
      stream.send(goodbye('token-expired'))
    }
    await net.call(3)
    expect(told.slice(1)).toEqual(Array(3).fill([0, 'token-expired']))
    subscription.close()
  })

  test('is not asked again and again for a token that expires at once', async () => {
    const { subscription } = ask()
    ;(await net.call(0)).open().send(goodbye('token-expired'))
    ;(await net.call(1)).open().send(goodbye('token-expired'))
    await settle()
    expect(log.at(-1)).toBe('waiting 1000: closed')
    expect(net.calls.length).toBe(2)
    subscription.close()
  })

  test('hears the provider once more if what it renewed is refused', async () => {
    const { told } = ask()
    ;(await net.call(0)).open().send(goodbye('token-expired'))
    ;(await net.call(1)).answer(401)
    ;(await net.call(2)).answer(401)
    await settle()
    expect(told).toEqual(['first', [0, 'token-expired'], [0, 401]])
    expect(log.at(-1)).toBe('closed')
  })

  test('hears the provider once about what is revoked, and then it is over', async () => {
    const { told, subscription } = ask()
    ;(await net.call(0)).open().send(goodbye('revoked'))
    ;(await net.call(1)).answer(401)
    await settle()
    expect(told).toEqual(['first', [0, 'revoked']])
    expect(subscription.state).toMatchObject({ reason: 'failed', error: { status: 401 } })
  })

  test('has ended what is revoked twice, or has no provider', async () => {
    const { subscription } = ask()
    ;(await net.call(0)).open().send(goodbye('revoked'))
    ;(await net.call(1)).open().send(goodbye('revoked'))
    await settle()
    const error = { type: 'closed', reason: 'revoked', transient: false }
    expect(subscription.state).toMatchObject({ reason: 'failed', error })
    const bare = follow({ headers: { authorization: 'x' } })
    ;(await net.call(2)).open().send(goodbye('revoked'))
    await settle()
    expect(bare.state).toMatchObject({ reason: 'failed', error })
  })

  test('is waited for where there is no provider, or for another reason', async () => {
    const bare = follow({ headers: { authorization: 'x' } })
    ;(await net.call(0)).open().send(goodbye('token-expired'))
    await settle()
    expect(log.at(-1)).toBe('waiting 1000: closed')
    bare.close()
    const { subscription } = ask()
    ;(await net.call(1)).open().send(`retry: 7000\n${goodbye('drain')}`)
    await settle()
    expect(log.at(-1)).toBe('waiting 7000: closed')
    subscription.close()
  })
})
