export type { ConnectionOptions } from './connection.js'
export type { Cursor } from './cursor.js'
export {
  createDecoder,
  type DecodedEvent,
  type Decoder,
  type DecoderHandlers,
  type Limits,
} from './decoder.js'
export { type ErrorType, type Problem, TidingsError } from './errors.js'
export type { Backoff, RequestOptions, Why } from './http.js'
export { createHub, type Hub, type HubOptions, type NewEvent, type Receipt } from './hub.js'
export type {
  Connected,
  Control,
  Gap,
  Goodbye,
  Item,
  Resumed,
  StreamEvent,
  StreamProblem,
} from './items.js'
export type { QueueOptions } from './queue.js'
export type { TopicSource, UrlSource } from './source.js'
export type { State } from './state.js'
export {
  type DeliveryOptions,
  type SubscribeOptions,
  type Subscription,
  subscribe,
} from './subscribe.js'
