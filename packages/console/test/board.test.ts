import { describe, expect, it } from 'vitest'
import { type Board, boardOf, REDUCERS } from '../src/hub/board.js'
import type { DashboardBody, PublishedEvent } from '../src/hub/bodies.js'

function published(sequence: number, data: unknown): PublishedEvent {
  const time = '2026-01-01T00:00:00.000Z'
  return { id: `e-${sequence}`, topic: 't', event: 'n', data: JSON.stringify(data), time }
}

function sample(second: number, fields: Record<string, number | null> = {}) {
  const timestamp = new Date(second * 1000).toISOString()
  return { timestamp, counters: {}, gauges: { events_in_per_second: second, ...fields } }
}

function body(fields: Partial<DashboardBody> = {}): DashboardBody {
  return {
    health: { overall_status: 'healthy', services: {}, timestamp: '' },
    metrics: sample(1),
    history: { interval_ms: 1000, timestamp: [], events_in_per_second: [] },
    connected_clients: 0,
    badges: [],
    notifications: [],
    last_event_id: null,
    ...fields,
  }
}

/** The board after these events. */
async function boardAfter(board: Board, ...events: readonly [name: string, data: unknown][]) {
  let now = board
  for (const [name, data] of events) now = (await REDUCERS[name]?.(now, data)) ?? now
  return now
}

describe('the board', () => {
  it('keeps 50 notifications and counts 60', async () => {
    const events = Array.from({ length: 60 }, (_, index): [string, unknown] => [
      'notification',
      { source: 'test', message: `number ${index}` },
    ])
    const board = await boardAfter(boardOf(body(), ''), ...events)
    expect(board.notifications.length).toBe(50)
    expect(board.arrived).toBe(60)
    expect(board.notifications[0]?.message).toBe('number 59')
    expect(new Set(board.notifications.map(({ key }) => key)).size).toBe(50)
  })

  it('counts as new what came after what was seen', () => {
    const notifications = [3, 5, 8].map((sequence) => published(sequence, { message: 'x' }))
    expect(boardOf(body({ notifications }), '').arrived).toBe(3)
    expect(boardOf(body({ notifications }), 'e-5').arrived).toBe(1)
    expect(boardOf(body({ notifications }), 'other-5').arrived).toBe(3)
    expect(boardOf(body({ notifications }), '').notifications[0]?.key).toBe('e-8')
  })

  it('names badges as the hub does', async () => {
    const badges = [
      published(1, { count: 3, key: 'inbox' }),
      published(2, { path: '/x', count: 1 }),
    ]
    const board = await boardAfter(
      boardOf(body({ badges }), ''),
      ['nav-badge-update', { key: 'inbox', count: 4 }],
      ['nav-badge-update', 7],
    )
    const counts = Object.values(board.badges).map(({ name, count }) => [name, count])
    expect(counts).toEqual([
      ['inbox', '4'],
      ['/x', '1'],
      ['', ''],
    ])
  })

  it('draws the hub’s own samples, each once, and the last ten minutes of them', async () => {
    const history = {
      interval_ms: 1000,
      timestamp: [sample(1).timestamp, sample(2).timestamp],
      events_in_per_second: [1, 2],
    }
    const begun = boardOf(body({ history }), '')
    const grown = await boardAfter(
      begun,
      ['metrics-update', sample(2)],
      ['metrics-update', sample(3, { cpu_percent: null })],
    )
    expect(grown.chart.times).toEqual([1, 2, 3])
    expect(grown.chart.gauges['events_in_per_second']).toEqual([1, 2, 3])
    expect(grown.chart.gauges['cpu_percent']).toEqual([null, null, null])
    expect(grown.foreign).toBe(0)

    const many = Array.from({ length: 700 }, (_, index): [string, unknown] => [
      'metrics-update',
      sample(10 + index),
    ])
    const full = await boardAfter(begun, ...many)
    expect(full.chart.times.length).toBe(600)
    expect(full.chart.gauges['events_in_per_second']?.length).toBe(600)
    expect(full.chart.times.at(-1)).toBe(709)
  })

  it('asks for what others say about figures', async () => {
    const board = await boardAfter(
      boardOf(body(), ''),
      ['metrics-update', { any: 1 }],
      ['health-update', 'odd'],
      ['widget-refresh', null],
    )
    expect([board.foreign, board.pulse]).toEqual([3, 3])
    expect(board.metrics).toEqual(sample(1))
  })

  it('takes any data of a notification', async () => {
    const odd = [
      null,
      7,
      'text',
      [],
      { title: 5, severity: 'critical', url: 'javascript:alert(1)' },
    ]
    const board = await boardAfter(
      boardOf(body(), ''),
      ...odd.map((data): [string, unknown] => ['notification', data]),
    )
    expect(
      board.notifications.map(({ title, message, severity }) => [title, message, severity]),
    ).toEqual([
      ['5', '', 'error'],
      ['', '', 'info'],
      ['', 'text', 'info'],
      ['', '7', 'info'],
      ['', '', 'info'],
    ])
  })
})
