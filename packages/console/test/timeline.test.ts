import { describe, expect, it } from 'vitest'
import type { Execution, Task } from '../src/hub/bodies.js'
import { tally, timelineOf } from '../src/pages/executions/timeline.js'

const START = Date.parse('2026-01-01T00:00:00.000Z')

function at(seconds: number): string {
  return new Date(START + seconds * 1000).toISOString()
}

function task(id: string, fields: Partial<Task> = {}): Task {
  const [started_at, ended_at, duration] = [null, null, null]
  return { id, title: null, status: 'pending', started_at, ended_at, duration, ...fields }
}

function execution(tasks: Task[], fields: Partial<Execution> = {}): Execution {
  return {
    id: 'x',
    title: null,
    status: 'running',
    current_task: null,
    tasks,
    progress: { done: 0, total: tasks.length },
    started_at: at(0),
    ended_at: null,
    summary: null,
    ...fields,
  }
}

describe('the timeline of an execution', () => {
  it('places tasks between its start and now', () => {
    const tasks = [
      task('a', { status: 'completed', started_at: at(0), ended_at: at(5), duration: 4000 }),
      task('b', { status: 'running', started_at: at(5) }),
      task('c'),
    ]
    const { rows, millis } = timelineOf(execution(tasks), START + 10_000)
    expect(millis).toBe(10_000)
    expect(rows.map(({ bar }) => bar)).toEqual([
      { from: 0, to: 0.5 },
      { from: 0.5, to: 1 },
      undefined,
    ])
    expect(rows.map(({ millis }) => millis)).toEqual([4000, 5000, undefined])
  })

  it('ends where the execution has ended', () => {
    const tasks = [task('a', { status: 'failed', started_at: at(0), ended_at: at(4) })]
    const { rows, millis } = timelineOf(execution(tasks, { ended_at: at(8) }), START + 99_000)
    expect(millis).toBe(8000)
    expect(rows[0]?.bar).toEqual({ from: 0, to: 0.5 })
  })

  it('shows attempts and what their checks found', () => {
    const worker = {
      attempt: 1,
      started_at: at(0),
      ended_at: at(2),
      duration: 2000,
      tool_calls: null,
    }
    const check = { feedback: null, issues: [], required_fixes: [] }
    const checks = [
      { ...check, attempt: 1, started_at: at(2), ended_at: at(4), passed: false, score: 40 },
      { ...check, attempt: 2, started_at: at(6), ended_at: null, passed: null, score: null },
    ]
    const workers = [worker, { ...worker, attempt: 2, started_at: at(4), ended_at: at(6) }]
    const tasks = [task('a', { status: 'running', started_at: at(0), workers, checks })]
    const parts = timelineOf(execution(tasks), START + 8000).rows[0]?.parts ?? []
    expect(
      parts.map(({ kind, attempt, status, from, to }) => [kind, attempt, status, from, to]),
    ).toEqual([
      ['worker', 1, 'completed', 0, 0.25],
      ['check', 1, 'failed', 0.25, 0.5],
      ['worker', 2, 'completed', 0.5, 0.75],
      ['check', 2, 'running', 0.75, 1],
    ])
  })

  it('brackets tasks that run side by side', () => {
    const groups = [undefined, 'g', 'g', 'g', 'h', 'h', 'alone']
    const tasks = groups.map((group, index) => task(`${index}`, group ? { group } : {}))
    const { rows } = timelineOf(execution(tasks), START)
    expect(rows.map(({ group }) => group)).toEqual([
      'none',
      'first',
      'inner',
      'last',
      'first',
      'last',
      'none',
    ])
  })

  it('has few round marks', () => {
    const { marks } = timelineOf(execution([]), START + 95_000)
    expect(marks.map(({ millis }) => millis)).toEqual([30_000, 60_000, 90_000])
    expect(timelineOf(execution([], { started_at: null }), START).marks).toEqual([])
  })

  it('is there although clocks disagree', () => {
    const tasks = [task('a', { status: 'running', started_at: at(0) })]
    const { rows } = timelineOf(execution(tasks), START - 60_000)
    expect(rows[0]?.bar?.from).toBe(0)
  })

  it('counts tasks by how they are', () => {
    expect(tally([task('a'), task('b', { status: 'failed' }), task('c')])).toMatchObject({
      pending: 2,
      failed: 1,
      completed: 0,
    })
  })
})
