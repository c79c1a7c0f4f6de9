/** A plugin for GraphiQL 5 that compares the database with the cache, for any server whose responses have `extensions.cache`. */
export { cachePanel } from './cache-panel.tsx';
export { flushCache } from './request/flush-cache.ts';
export { formatCountOf } from './words/format-count-of.ts';
export { formatBytes, formatCount, formatPercent } from './words/format.ts';
export { useLastResponse } from './request/last-response.ts';
export { hitRateOf, type CacheSnapshot } from './live/cache-snapshot.ts';
export { ConnectionState } from './live/connection-state.tsx';
export { isConnected } from './live/live-cache.ts';
export { backendText, storeText } from './live/store-text.ts';
export { useIsLiveOffered } from './live/use-is-live-offered.ts';
export { useLiveCache } from './live/use-live-cache.ts';
export { operationIn } from './request/operation.ts';
export { schemaHas } from './request/schema-has.ts';
