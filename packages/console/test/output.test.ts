import { describe, expect, it } from 'vitest'
import type { PublishedEvent } from '../src/hub/bodies.js'
import { Output } from '../src/pages/executions/output.js'

let sequence = 0

function event(name: string, data: unknown): PublishedEvent {
  sequence += 1
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return { id: `e-${sequence}`, topic: 't', event: name, data: text, time: '' }
}

function line(text: string, stream = 'stdout'): PublishedEvent {
  return event('output', { stream, line: text })
}

function outputOf(...events: PublishedEvent[]): Output {
  const output = new Output()
  for (const one of events) output.take(one)
  output.advance()
  return output
}

describe('output', () => {
  it('has lines, where they come from, and what happened between them', () => {
    const { lines } = outputOf(
      event('execution-start', { title: 'A run' }),
      line('one'),
      line('two', 'stderr'),
      event('task-fail', { taskId: 'a', taskTitle: 'Build', error: 'no' }),
      event('custom', 'no json'),
      event('output', 'no json'),
    )
    expect(lines.map(({ source, text }) => [source, text])).toEqual([
      ['event', 'execution-start  A run'],
      ['stdout', 'one'],
      ['stderr', 'two'],
      ['event', 'task-fail  Build'],
      ['event', 'custom'],
      ['stdout', 'no json'],
    ])
  })

  it('carries colours over lines, for each stream of its own', () => {
    const { lines } = outputOf(line('\u001b[31mred'), line('plain', 'stderr'), line('still red'))
    expect(lines.map(({ look }) => look.ink)).toEqual(['', '', '1'])
  })

  it('keeps the newest lines and counts those that it drops', () => {
    const output = new Output()
    for (let taken = 0; taken < 60_000; taken += 1) output.take(line(`${taken}`))
    output.advance()
    expect([output.lines.length, output.dropped]).toEqual([50_000, 10_000])
    expect(output.lines.at(-1)?.text).toBe('59999')
    expect(output.advance()).toBe(false)
  })

  it('takes earlier lines in front', () => {
    const earlier = [line('a'), line('b')]
    const output = outputOf(line('c'))
    output.prepend(earlier)
    expect(output.lines.map(({ text }) => text)).toEqual(['a', 'b', 'c'])
  })
})
