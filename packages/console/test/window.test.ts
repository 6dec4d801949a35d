import { expect, it } from 'vitest'
import { windowOf } from '../src/parts/window.js'

const seen = { height: 320, rowHeight: 32 }

it('draws what is seen and a few rows around it', () => {
  expect(windowOf({ ...seen, scrolled: 0 }, 10_000)).toEqual({ start: 0, end: 19 })
  expect(windowOf({ ...seen, scrolled: 3200 }, 10_000)).toEqual({ start: 92, end: 119 })
  expect(windowOf({ ...seen, scrolled: 319_680 }, 10_000)).toEqual({ start: 9981, end: 10_000 })
})

it('draws all of a short list', () => {
  expect(windowOf({ ...seen, scrolled: 0 }, 3)).toEqual({ start: 0, end: 3 })
  expect(windowOf({ ...seen, scrolled: 0 }, 0)).toEqual({ start: 0, end: 0 })
})

it('draws the end when the list got shorter than where it is scrolled to', () => {
  const { start, end } = windowOf({ ...seen, scrolled: 320_000 }, 50)
  expect(end).toBe(50)
  expect(start).toBeLessThanOrEqual(39)
})
