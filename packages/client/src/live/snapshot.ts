import { TidingsError } from '../errors.js'
import { type RequestOptions, send, type Why } from '../http.js'
import { type Schema, validate } from './schema.js'

/** How to get a snapshot, and what of it. */
export interface SnapshotOptions<T> extends RequestOptions {
  /** The part of the body that is the value. Default: all of it. */
  select?: ((body: never) => unknown) | undefined
  /** What the value has to fit. */
  schema?: Schema<T> | undefined
  signal?: AbortSignal | undefined
}

/**
 * Gets the state of a resource once. Throws a `TidingsError`, or a `SchemaError` if the value does
 * not fit the schema.
 */
export async function snapshot<T>(url: string | URL, options: SnapshotOptions<T> = {}): Promise<T> {
  return read(await fetchBody(url, options), options)
}

/** The body of a snapshot. */
export async function fetchBody(
  url: string | URL,
  { signal, ...options }: RequestOptions & { signal?: AbortSignal | undefined },
  why: Why = { failures: 0 },
): Promise<unknown> {
  const target = new URL(url, globalThis.location?.href)
  const headers = { accept: 'application/json' }
  try {
    const response = await send({ url: target, headers, signal: signal ?? null }, options, why)
    return await response.json()
  } catch (cause) {
    if (cause instanceof TidingsError) throw cause
    throw new TidingsError('network', 'no snapshot', { cause })
  }
}

/** The value that a body holds. */
export function read<T>(
  body: unknown,
  { select, schema }: Pick<SnapshotOptions<T>, 'select' | 'schema'>,
): Promise<T> {
  return validate(schema, select ? select(body as never) : body)
}
