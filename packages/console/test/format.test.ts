import { expect, it } from 'vitest'
import { age, bytes, count, duration, percent, rate, rounded, short } from '../src/parts/format.js'
import { pretty, tokensOf } from '../src/parts/pretty.js'

it('writes figures in few characters', () => {
  expect([0, 7, 1023, 1024, 1536, 20 * 1024, 5e9].map(bytes)).toEqual([
    '0 B',
    '7 B',
    '1023 B',
    '1 KiB',
    '1.50 KiB',
    '20 KiB',
    '4.66 GiB',
  ])
  expect([0, 0.25, 3, 12.34, 999, 61_500, 4_000_000, 200_000_000].map(duration)).toEqual([
    '0 ms',
    '0.25 ms',
    '3 ms',
    '12 ms',
    '999 ms',
    '1 min 01 s',
    '1 h 06 min',
    '2 d 07 h',
  ])
  expect([0, 0.52, 9.96, 1234, 12_345].map(rate)).toEqual(['0', '0.5', '10.0', '1,234', '12.3K'])
  expect([count(1_234_567), short(1_234_567), percent(0), percent(3.14)]).toEqual([
    '1,234,567',
    '1.2M',
    '0 %',
    '3.1 %',
  ])
})

it('leaves out what is zero in a round value', () => {
  const values = [
    '5.0 s',
    '2 min 00 s',
    '3 h 00 min',
    '2.5 s',
    '10 min 10 s',
    '5.0 %',
    '10',
    '1.0',
    '0.20 ms',
  ]
  expect(values.map(rounded)).toEqual([
    '5 s',
    '2 min',
    '3 h',
    '2.5 s',
    '10 min 10 s',
    '5 %',
    '10',
    '1',
    '0.2 ms',
  ])
})

it('says nothing of what is not known', () => {
  for (const format of [bytes, count, duration, percent, rate, short]) {
    expect([format(null), format(undefined), format(Number.NaN)]).toEqual(['–', '–', '–'])
  }
  expect(age(null, 0)).toBe('–')
})

it('tells ages in one unit', () => {
  const now = Date.parse('2026-01-10T00:00:00Z')
  const ages = [
    '2026-01-09T23:59:48Z',
    '2026-01-09T23:57:00Z',
    '2026-01-09T19:00:00Z',
    '2026-01-01T00:00:00Z',
  ]
  expect(ages.map((time) => age(time, now))).toEqual(['12 s', '3 min', '5 h', '9 d'])
  expect(age('2026-01-10T00:00:05Z', now)).toBe('0 s')
})

it('lays JSON out and colours all of it', () => {
  const data = '{"a":[1,-2.5e3,true,null],"b \\" c":"<b>: 1"}'
  const text = pretty(data)
  expect(
    tokensOf(text)
      .map(({ text }) => text)
      .join(''),
  ).toBe(text)
  expect(tokensOf(text).filter(({ kind }) => kind === 'key').length).toBe(2)
  expect(tokensOf(text).some(({ kind, text }) => kind === 'string' && text === '"<b>: 1"')).toBe(
    true,
  )
  expect(pretty('no json {')).toBe('no json {')
})
