import { applyPatch, type Operation } from './patch.js'
import { type Schema, validate } from './schema.js'

/** Makes the next value of the value until now and the data of an event. */
export type Reducer<T> = (value: T | undefined, data: unknown) => T | Promise<T>

/** How a list takes one more item. */
export interface ListOptions<Item> {
  /** Items with the same key are one, and the newer one stays. A name is that of a property. */
  key?: keyof Item | ((item: Item) => unknown) | undefined
  /** The most items that are kept: the ones farthest from where new ones come go. Default: 1000. */
  cap?: number | undefined
}

/** The data is the value, or the part of it that `select` picks. */
export function replace<T>(select?: (data: never) => T): Reducer<T> {
  return (_, data) => (select ? select(data as never) : (data as T))
}

/** The data is an item, or a list of them in order, that comes last. */
export function append<Item>(options: ListOptions<Item> = {}): Reducer<Item[]> {
  const { cap = 1000 } = options
  return (list, data) => [...without(list, data, options), ...items<Item>(data)].slice(-cap)
}

/** The data is an item, or a list of them in order, that comes first. */
export function prepend<Item>(options: ListOptions<Item> = {}): Reducer<Item[]> {
  const { cap = 1000 } = options
  return (list, data) => [...items<Item>(data), ...without(list, data, options)].slice(0, cap)
}

/** The data is a JSON Patch (RFC 6902) of the value. */
export function patch<T>(): Reducer<T> {
  return (value, data) => applyPatch(value, data as Operation[]) as T
}

/** The data has to fit a schema before it is reduced. */
export function checked<Data, T>(
  schema: Schema<Data>,
  reducer: (value: T | undefined, data: Data) => T | Promise<T>,
): Reducer<T> {
  return async (value, data) => reducer(value, await validate(schema, data))
}

function items<Item>(data: unknown): Item[] {
  return [data].flat() as Item[]
}

/** The items of the list that the data does not bring anew. */
function without<Item>(
  list: Item[] | undefined,
  data: unknown,
  { key }: ListOptions<Item>,
): Item[] {
  if (!list || key === undefined) return list ?? []
  const keyOf = typeof key === 'function' ? key : (item: Item) => item[key]
  const renewed = new Set(items<Item>(data).map(keyOf))
  return list.filter((item) => !renewed.has(keyOf(item)))
}
