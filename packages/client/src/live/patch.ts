/** An operation of a JSON Patch (RFC 6902). */
export type Operation =
  | { op: 'add' | 'replace' | 'test'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move' | 'copy'; from: string; path: string }

/** A patch that does not fit the document: the two are of different states. */
export class PatchError extends Error {
  override name = 'PatchError'
}

type Container = Record<string, unknown> | unknown[]

/**
 * Applies a JSON Patch and gives the result. The document is not changed, and what the patch does
 * not touch is shared with it.
 *
 * Throws a `PatchError` if an operation cannot be applied; then none is.
 */
export function applyPatch(document: unknown, operations: readonly Operation[]): unknown {
  return operations.reduce(applyOperation, document)
}

function applyOperation(document: unknown, operation: Operation): unknown {
  const path = parse(operation.path)
  switch (operation.op) {
    case 'add':
      return change(document, path, (parent, key) => insert(parent, key, operation.value))
    case 'replace':
      read(document, path)
      return change(document, path, (parent, key) => put(parent, key, operation.value))
    case 'remove':
      return remove(document, path)
    case 'test':
      if (isEqual(read(document, path), operation.value)) return document
      throw new PatchError(`the value at "${operation.path}" is another one`)
    case 'copy': {
      const value = read(document, parse(operation.from))
      return change(document, path, (parent, key) => insert(parent, key, value))
    }
    case 'move': {
      const from = parse(operation.from)
      if (path.length > from.length && from.every((key, at) => key === path[at])) {
        throw new PatchError(`cannot move "${operation.from}" into itself`)
      }
      const value = read(document, from)
      const rest = from.length ? remove(document, from) : undefined
      return change(rest, path, (parent, key) => insert(parent, key, value))
    }
    default:
      throw new PatchError(`unknown operation "${(operation as { op: unknown }).op}"`)
  }
}

/** A JSON Pointer (RFC 6901) as its keys. */
function parse(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new PatchError(`"${pointer}" is no JSON Pointer`)
  const keys = pointer.slice(1).split('/')
  return keys.map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

function read(document: unknown, path: readonly string[]): unknown {
  return path.reduce((parent, key) => {
    const container = asContainer(parent)
    return (container as Record<string, unknown>)[existing(container, key)]
  }, document)
}

/** Copies the containers on the way, and edits the last one. */
function change(
  document: unknown,
  path: readonly string[],
  edit: (parent: Container | undefined, key: string) => unknown,
): unknown {
  const [key, ...rest] = path
  if (key === undefined) return edit(undefined, '')
  const container = asContainer(document)
  const copy = Array.isArray(container) ? [...container] : { ...container }
  if (rest.length) {
    const at = existing(copy, key)
    put(copy, at, change((copy as Record<string, unknown>)[at], rest, edit))
  } else {
    edit(copy, key)
  }
  return copy
}

function insert(parent: Container | undefined, key: string, value: unknown): unknown {
  if (!Array.isArray(parent)) return put(parent, key, value)
  const at = key === '-' ? parent.length : index(key)
  if (at > parent.length) throw new PatchError(`"${key}" is beyond the end`)
  parent.splice(at, 0, value)
  return parent
}

function put(parent: Container | undefined, key: string, value: unknown): unknown {
  if (!parent) return value
  // Assigning would set the prototype if the key is `__proto__`.
  Object.defineProperty(parent, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
  return parent
}

function remove(document: unknown, path: readonly string[]): unknown {
  return change(document, path, (parent, key) => {
    if (!parent) throw new PatchError('cannot remove the whole document')
    const at = existing(parent, key)
    if (Array.isArray(parent)) parent.splice(Number(at), 1)
    else delete parent[at]
    return parent
  })
}

function asContainer(value: unknown): Container {
  if (typeof value === 'object' && value !== null) return value as Container
  throw new PatchError('there is no object or array on the way')
}

/** The key, which has to be there. */
function existing(parent: Container, key: string): string {
  const known = Array.isArray(parent) ? index(key) < parent.length : Object.hasOwn(parent, key)
  if (known) return key
  throw new PatchError(`there is nothing at "${key}"`)
}

function index(key: string): number {
  if (/^(0|[1-9]\d*)$/.test(key)) return Number(key)
  throw new PatchError(`"${key}" is no index`)
}

function isEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false
  const keys = Object.keys(a)
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every(
      (key) => Object.hasOwn(b, key) && isEqual(a[key as keyof typeof a], b[key as keyof typeof b]),
    )
  )
}
