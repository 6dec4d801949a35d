export { type Live, type LiveOptions, type LiveState, live } from './live.js'
export { applyPatch, type Operation, PatchError } from './patch.js'
export {
  append,
  checked,
  type ListOptions,
  patch,
  prepend,
  type Reducer,
  replace,
} from './reduce.js'
export { type Schema, SchemaError } from './schema.js'
export { type SnapshotOptions, snapshot } from './snapshot.js'
