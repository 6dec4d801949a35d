import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { paced } from '../src/hub/paced.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

it('does once what is asked for twenty times within half a second', async () => {
  const action = vi.fn(async () => {})
  const pace = paced(action)
  for (let asked = 0; asked < 20; asked += 1) {
    pace.ask()
    await vi.advanceTimersByTimeAsync(20)
  }
  expect(action).toHaveBeenCalledTimes(0)
  await vi.advanceTimersByTimeAsync(5000)
  expect(action).toHaveBeenCalledTimes(1)
})

it('goes on twice a second while it is asked for all the time', async () => {
  const action = vi.fn(async () => {})
  const pace = paced(action)
  for (let passed = 0; passed < 5000; passed += 10) {
    pace.ask()
    await vi.advanceTimersByTimeAsync(10)
  }
  expect(action.mock.calls.length).toBeGreaterThanOrEqual(9)
  expect(action.mock.calls.length).toBeLessThanOrEqual(10)
})

it('does what was asked for meanwhile once more, and later if it takes long', async () => {
  const action = vi.fn(() => new Promise((resolve) => setTimeout(resolve, 1000)))
  const pace = paced(action)
  pace.ask()
  await vi.advanceTimersByTimeAsync(600)
  pace.ask()
  pace.ask()
  await vi.advanceTimersByTimeAsync(1000 + 3800)
  expect(action).toHaveBeenCalledTimes(1)
  await vi.advanceTimersByTimeAsync(200)
  expect(action).toHaveBeenCalledTimes(2)
})

it('goes on after a failure, and not after it was stopped', async () => {
  const action = vi.fn(async () => {
    throw new Error('away')
  })
  const pace = paced(action)
  pace.ask()
  await vi.advanceTimersByTimeAsync(500)
  pace.ask()
  await vi.advanceTimersByTimeAsync(500)
  expect(action).toHaveBeenCalledTimes(2)
  pace.ask()
  pace.stop()
  pace.ask()
  await vi.advanceTimersByTimeAsync(5000)
  expect(action).toHaveBeenCalledTimes(2)
})
