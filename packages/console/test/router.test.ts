import { expect, it } from 'vitest'
import { href, parseRoute, type Route } from '../src/router.js'

it.each<Route>([
  { page: 'overview' },
  { page: 'topics' },
  { page: 'topic', topic: 'orders/7/ä ö?#%&=+"<' },
  { page: 'connections', topic: 'a/*', identity: 'me & you' },
  { page: 'connections', topic: '', identity: '' },
  { page: 'executions', status: 'failed' },
  { page: 'execution', id: '20261121-1.b_c' },
  { page: 'playground', topic: '**' },
])('an address leads back to $page', (route) => {
  expect(parseRoute(href(route))).toEqual(route)
})

it('there is nothing at other addresses', () => {
  for (const hash of ['#/nothing', '#/topics/a/b', '#/connections/x', '#/%E0%A4%A']) {
    expect(parseRoute(hash).page).toBe('unknown')
  }
  expect(parseRoute('')).toEqual({ page: 'overview' })
  expect(parseRoute('#/topics/%zz')).toEqual({ page: 'topic', topic: '%zz' })
})
