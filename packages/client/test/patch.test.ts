import { expect, test } from 'vitest'

import { applyPatch, type Operation } from '../src/live/index.js'

// The examples of RFC 6902, appendix A, and more of each kind.
test.each<[string, unknown, Operation[], unknown]>([
  [
    'A.1 an object member',
    { foo: 'bar' },
    [{ op: 'add', path: '/baz', value: 'qux' }],
    { baz: 'qux', foo: 'bar' },
  ],
  [
    'A.2 an array element',
    { foo: ['bar', 'baz'] },
    [{ op: 'add', path: '/foo/1', value: 'qux' }],
    { foo: ['bar', 'qux', 'baz'] },
  ],
  [
    'A.3 removing a member',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'remove', path: '/baz' }],
    { foo: 'bar' },
  ],
  [
    'A.4 removing an element',
    { foo: ['bar', 'qux', 'baz'] },
    [{ op: 'remove', path: '/foo/1' }],
    { foo: ['bar', 'baz'] },
  ],
  [
    'A.5 replacing',
    { baz: 'qux', foo: 'bar' },
    [{ op: 'replace', path: '/baz', value: 'boo' }],
    { baz: 'boo', foo: 'bar' },
  ],
  [
    'A.6 moving a value',
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  [
    'A.7 moving an element',
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  [
    'A.8 testing',
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  [
    'A.10 a nested object',
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  [
    'A.14 escaped keys',
    { '/': 9, '~1': 10 },
    [{ op: 'test', path: '/~01', value: 10 }],
    { '/': 9, '~1': 10 },
  ],
  [
    'A.16 at the end',
    { foo: ['bar'] },
    [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    { foo: ['bar', ['abc', 'def']] },
  ],
  ['the whole document', { a: 1 }, [{ op: 'replace', path: '', value: [2] }], [2]],
  [
    'copying',
    { a: { b: 1 } },
    [{ op: 'copy', from: '/a', path: '/c' }],
    { a: { b: 1 }, c: { b: 1 } },
  ],
  ['an empty key', { '': 1 }, [{ op: 'replace', path: '/', value: 2 }], { '': 2 }],
  [
    'equality of objects',
    { a: { x: 1, y: [1, null] } },
    [{ op: 'test', path: '/a', value: { y: [1, null], x: 1 } }],
    { a: { x: 1, y: [1, null] } },
  ],
])('%s', (_, document, operations, expected) => {
  const before = structuredClone(document)
  expect(applyPatch(document, operations)).toEqual(expected)
  expect(document).toEqual(before)
})

test.each<[string, unknown, Operation[]]>([
  ['A.9 a failed test', { baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }]],
  ['A.12 a missing parent', { foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }]],
  ['A.15 a number is no text', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }]],
  ['an index beyond the end', { a: [1] }, [{ op: 'add', path: '/a/2', value: 0 }]],
  ['a leading zero', { a: [1, 2] }, [{ op: 'remove', path: '/a/01' }]],
  ['a key of an array', [1], [{ op: 'add', path: '/length', value: 0 }]],
  ['what is not there', {}, [{ op: 'remove', path: '/a' }]],
  ['an inherited key', {}, [{ op: 'replace', path: '/toString', value: 1 }]],
  ['a way through the prototype', {}, [{ op: 'add', path: '/__proto__/polluted', value: 1 }]],
  ['moving into itself', { a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/b/c' }]],
  ['an unknown operation', {}, [{ op: 'merge', path: '/a' } as unknown as Operation]],
  ['no pointer', {}, [{ op: 'add', path: 'a', value: 1 }]],
])('%s is refused', (_, document, operations) => {
  expect(() => applyPatch(document, operations)).toThrow()
})

test('a key that names the prototype is a key', () => {
  const patched = applyPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }])
  expect(Object.hasOwn(patched as object, '__proto__')).toBe(true)
  expect(Object.getPrototypeOf(patched)).toBe(Object.prototype)
})

test('what is not touched is shared', () => {
  const document = { a: { x: 1 }, b: { y: 1 } }
  const patched = applyPatch(document, [{ op: 'replace', path: '/a/x', value: 2 }])
  expect((patched as typeof document).b).toBe(document.b)
})
