import type { Reducer } from 'tidings/live'
import type { DashboardBody, Health, PublishedEvent, Sample } from './bodies.js'
import { isAfter } from './event-id.js'

/** What dashboards are told, as one value. */
export interface Board {
  health: Health
  metrics: Sample
  chart: Chart
  /** The data of each badge by its name. */
  badges: Readonly<Record<string, Badge>>
  /** Newest first. */
  notifications: readonly Notification[]
  /** How many of them came since the last one that was seen, also of those that are gone. */
  arrived: number
  /** Grows with every event after which what a page shows may be old. */
  pulse: number
  /** Grows with every event whose figures are not the hub's own and have to be asked for. */
  foreign: number
  /** The snapshot it began with. */
  origin: object
}

/** Samples, oldest first: times in seconds, and a column for each gauge. */
export interface Chart {
  times: readonly number[]
  gauges: Readonly<Record<string, readonly (number | null)[]>>
}

export interface Badge {
  name: string
  count: string
  path: string
}

export interface Notification {
  /** Tells them apart. */
  key: string
  title: string
  message: string
  severity: 'info' | 'success' | 'warning' | 'error'
  url: string
  time: string
}

/** How many notifications are kept. */
export const NOTIFICATIONS = 50

/** How many samples are drawn: ten minutes of one a second. */
const SAMPLES = 600

/** The board that a snapshot tells of. What came up to the id `seen` counts as seen. */
export function boardOf(body: DashboardBody, seen: string): Board {
  const { interval_ms: _, timestamp, ...gauges } = body.history
  const unseen = body.notifications.filter(({ id }) => !seen || isAfter(id, seen))
  return {
    health: body.health,
    metrics: body.metrics,
    chart: { times: timestamp.map(secondsOf), gauges: gauges as Chart['gauges'] },
    badges: body.badges.reduce((all, event) => withBadge(all, parsed(event)), {}),
    notifications: body.notifications
      .map((event) => notification(parsed(event), event.id, event.time))
      .reverse()
      .slice(0, NOTIFICATIONS),
    arrived: unseen.length,
    pulse: 0,
    foreign: 0,
    origin: body,
  }
}

/** What the events of a dashboard's stream do to it. */
export const REDUCERS: Record<string, Reducer<Board>> = {
  'health-update': changing((board, data) =>
    isHealth(data) ? { health: data } : { foreign: board.foreign + 1 },
  ),
  'metrics-update': changing((board, data) =>
    isSample(data)
      ? { metrics: data, chart: withSample(board.chart, data) }
      : { foreign: board.foreign + 1 },
  ),
  notification: changing((board, data) => {
    const key = `live ${board.arrived}`
    const newest = notification(data, key, new Date().toISOString())
    return {
      notifications: [newest, ...board.notifications].slice(0, NOTIFICATIONS),
      arrived: board.arrived + 1,
    }
  }),
  'nav-badge-update': changing((board, data) => ({ badges: withBadge(board.badges, data) })),
  'widget-refresh': changing((board) => ({ foreign: board.foreign + 1 })),
  'trace-update': changing((board) => ({ foreign: board.foreign + 1 })),
  'contributor-health': changing((board) => ({ foreign: board.foreign + 1 })),
}

/** A reducer of what changes. */
function changing(change: (board: Board, data: unknown) => Partial<Board>): Reducer<Board> {
  return (board, data) => {
    if (!board) throw new Error('The hub sends changes of what it does not tell.')
    return { ...board, pulse: board.pulse + 1, ...change(board, data) }
  }
}

function withSample(chart: Chart, sample: Sample): Chart {
  const time = secondsOf(sample.timestamp)
  // A sample that the snapshot has already comes again when the stream begins.
  if (time <= (chart.times.at(-1) ?? 0)) return chart
  const from = Math.max(0, chart.times.length + 1 - SAMPLES)
  const columns = Object.entries(sample.gauges).map(([name, value]) => {
    const before = chart.gauges[name] ?? chart.times.map(() => null)
    return [name, [...before.slice(from), value]] as const
  })
  return { times: [...chart.times.slice(from), time], gauges: Object.fromEntries(columns) }
}

function withBadge(badges: Board['badges'], data: unknown): Board['badges'] {
  const { count, value, path } = facts(data)
  const name = badgeName(data)
  const badge = { name, count: text(count ?? value ?? ''), path: text(path ?? '') }
  return { ...badges, [name]: badge }
}

/** As the hub names it: by `key`, else `id`, else the first member that is a text. */
function badgeName(data: unknown): string {
  const { key, id, ...rest } = facts(data)
  const named = [key, id, ...Object.values(rest)].find((name) => typeof name === 'string' && name)
  return text(named ?? '')
}

function notification(data: unknown, key: string, time: string): Notification {
  const { title, source, message, severity, url } = facts(data)
  const isText = typeof data === 'string' || typeof data === 'number'
  return {
    key,
    title: text(title ?? source ?? ''),
    message: isText ? text(data) : text(message ?? ''),
    severity: severityOf(severity),
    url: text(url ?? ''),
    time,
  }
}

function severityOf(severity: unknown): Notification['severity'] {
  switch (severity) {
    case 'success':
    case 'warning':
    case 'error':
      return severity
    case 'critical':
    case 'danger':
      return 'error'
    case 'warn':
      return 'warning'
    default:
      return 'info'
  }
}

function isHealth(data: unknown): data is Health {
  const { overall_status, services } = facts(data)
  return typeof overall_status === 'string' && typeof services === 'object' && services !== null
}

function isSample(data: unknown): data is Sample {
  const { timestamp, gauges, counters } = facts(data)
  const areFigures = [gauges, counters].every((group) => typeof group === 'object' && group)
  return areFigures && typeof timestamp === 'string' && 'events_in_per_second' in facts(gauges)
}

function parsed(event: PublishedEvent): unknown {
  try {
    return JSON.parse(event.data)
  } catch {
    return event.data
  }
}

function facts(data: unknown): Record<string, unknown> {
  return typeof data === 'object' && data !== null ? { ...data } : {}
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? `${value}` : ''
}

function secondsOf(time: string): number {
  return Date.parse(time) / 1000
}
