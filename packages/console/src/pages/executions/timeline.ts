import type { Execution, Status, Task } from '../../hub/bodies.js'

/** A task as a row of a timeline. */
export interface Row {
  task: Task
  /** Where its bar is, in parts of the whole time; none if it has not begun. */
  bar: Bar | undefined
  /** Attempts and checks within it. */
  parts: Part[]
  /** How long it took or has taken, in milliseconds. */
  millis: number | undefined
  /** Its place among those of its group that run side by side. */
  group: 'none' | 'first' | 'inner' | 'last'
}

export interface Bar {
  from: number
  to: number
}

export interface Part extends Bar {
  kind: 'worker' | 'check'
  attempt: number
  status: Status
}

export interface Timeline {
  rows: Row[]
  /** All of the time, in milliseconds. */
  millis: number
  /** Where the axis has marks, in parts of the whole time and in milliseconds. */
  marks: { at: number; millis: number }[]
}

/** Steps of an axis, in milliseconds. */
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500].concat(
  [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200, 86_400].map(
    (seconds) => seconds * 1000,
  ),
)

/** How many marks an axis has at most, and where the last one can be written. */
const MARKS = 5
const LAST_MARK = 0.97

/** The tasks of an execution over time, as it is at the moment `now` (in milliseconds). */
export function timelineOf(execution: Execution, now: number): Timeline {
  const start = Math.min(
    ...[execution.started_at, ...execution.tasks.map((task) => task.started_at)]
      .map(millisOf)
      .filter((time) => time !== undefined),
  )
  const ends = execution.tasks.map((task) => millisOf(task.ended_at) ?? 0)
  const end = Math.max(start + 1, millisOf(execution.ended_at) ?? now, ...ends)
  const millis = Number.isFinite(start) ? end - start : 0
  const place = (time: number) => Math.min(1, Math.max(0, (time - start) / (end - start)))

  function barOf(from: string | null, to: string | null): Bar | undefined {
    const began = millisOf(from)
    if (began === undefined) return undefined
    return { from: place(began), to: place(millisOf(to) ?? end) }
  }

  const rows = execution.tasks.map((task, index): Row => {
    const began = millisOf(task.started_at)
    const took = began === undefined ? undefined : (millisOf(task.ended_at) ?? end) - began
    return {
      task,
      bar: barOf(task.started_at, task.ended_at),
      parts: partsOf(task, barOf),
      millis: task.duration ?? took,
      group: groupOf(execution.tasks, index),
    }
  })
  return { rows, millis, marks: marksOf(millis) }
}

/** How many of the tasks are in each state. */
export function tally(tasks: readonly Task[]): Record<Status, number> {
  const tally = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 }
  for (const { status } of tasks) tally[status] += 1
  return tally
}

function partsOf(
  task: Task,
  barOf: (from: string | null, to: string | null) => Bar | undefined,
): Part[] {
  const workers = (task.workers ?? []).flatMap((worker) => {
    const bar = barOf(worker.started_at, worker.ended_at ?? task.ended_at)
    const status: Status = worker.ended_at ? 'completed' : task.status
    return bar ? [{ ...bar, kind: 'worker' as const, attempt: worker.attempt, status }] : []
  })
  const checks = (task.checks ?? []).flatMap((check) => {
    const bar = barOf(check.started_at ?? check.ended_at, check.ended_at ?? task.ended_at)
    const judged: Status = check.passed ? 'completed' : 'failed'
    const status = check.passed === null ? task.status : judged
    return bar ? [{ ...bar, kind: 'check' as const, attempt: check.attempt, status }] : []
  })
  return [...workers, ...checks].sort((one, other) => one.from - other.from)
}

function groupOf(tasks: readonly Task[], index: number): Row['group'] {
  const group = tasks[index]?.group
  if (!group) return 'none'
  const isAbove = tasks[index - 1]?.group === group
  const isBelow = tasks[index + 1]?.group === group
  if (isAbove && isBelow) return 'inner'
  if (isAbove) return 'last'
  return isBelow ? 'first' : 'none'
}

function marksOf(millis: number): Timeline['marks'] {
  const step = STEPS.find((step) => millis / step <= MARKS) ?? millis / MARKS
  const marks: Timeline['marks'] = []
  for (let at = step; at < LAST_MARK * millis; at += step) {
    marks.push({ at: at / millis, millis: at })
  }
  return marks
}

function millisOf(time: string | null): number | undefined {
  const millis = Date.parse(time ?? '')
  return Number.isNaN(millis) ? undefined : millis
}
