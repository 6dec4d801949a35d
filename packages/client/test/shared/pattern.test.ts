import { describe, expect, test } from 'vitest'

import { type Part, take } from '../../src/shared/part.js'
import { matches } from '../../src/shared/selector.js'

describe('a pattern', () => {
  test('notes none of the topics it brings, and ends with none of them', () => {
    const sink = { item: () => {}, state: () => {}, room: () => undefined }
    const unended = new Set(['a', 'b/*'])
    const rest = { said: 1, resumes: 0, state: { state: 'connecting' } } as const
    const part: Part = { topics: ['a', 'b/*'], sink, after: 'e-0', unended, ...rest }
    const give = (n: number, topic: string, final: boolean) =>
      take(part, { type: 'event', id: `e-${n}`, event: 'message', data: '', topic, final }, '')
    give(1, 'b/1', false)
    give(2, 'b/2', true)
    expect([...unended]).toEqual(['a', 'b/*'])
    give(3, 'a', true)
    expect([...unended]).toEqual(['b/*'])
    give(4, 'a', false)
    expect([...unended]).toEqual(['b/*', 'a'])
  })

  test.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/c', false],
    ['a/*', 'a/b', true],
    ['a/*', 'a/b/c', false],
    ['a/*', 'a', false],
    ['a/*/c', 'a/b/c', true],
    ['a/**', 'a', true],
    ['a/**', 'a/b/c', true],
    ['a/**', 'b', false],
    ['**', 'a/b', true],
    ['*', 'a', true],
    ['**', 'tidings/x', false],
    ['*/x', 'tidings/x', false],
    ['tidings/**', 'tidings/x', true],
  ])('%s and the topic %s: %s', (selector, topic, expected) => {
    expect(matches(selector, topic)).toBe(expected)
  })
})
