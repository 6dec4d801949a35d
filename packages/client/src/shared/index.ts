export { type Share, type ShareOptions, type ShareSubscription, share } from './share.js'
