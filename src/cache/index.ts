/** The cache engine. Knows no GraphQL and no SQL. */
export type { CacheLog } from './cache-log.ts';
export type { CacheOptions } from './cache-options.ts';
export { optionsFault, type OptionRule, type OptionRules } from './check-options.ts';
export { createCache, type Cache, type FetchOptions } from './cache.ts';
export type { Mode } from './read-path.ts';
export type { Rehit } from './recall.ts';
export type { Clock } from './clock.ts';
export { codecVersion } from './codec.ts';
export { CacheError, type CacheErrorCode } from './errors.ts';
export type { CacheEvent, CacheListener, WriteRefusal } from './events.ts';
export type { Held } from './held.ts';
export { noteIdentity } from './identities.ts';
export type { Key, KeyParts, ParentId, ViewerId } from './key.ts';
export { currentLoad, runForLoads } from './load-scope.ts';
export { createMemoryStore } from './memory-store.ts';
export type { Origin, Outcome } from './outcome.ts';
export { createPolicy, durationMsOf, type Duration, type Policy } from './policy.ts';
export { redisAddressFault } from './redis-address.ts';
export { createRedisStore } from './redis-store.ts';
export type { RedisStoreOptions } from './redis-store-options.ts';
export type { RedisClient, RedisTarget } from './redis-target.ts';
export { noteSelectionRead, noteViewerRead } from './request-reads.ts';
export type { Load } from './scope.ts';
export { CacheStats, type Counts } from './stats.ts';
export type {
  Confirmation,
  ConnectionListener,
  EntryMark,
  Store,
  StoreRead,
  StoreUsage,
  StoreWrite,
  Tier,
  FillReply,
  LeaseReply,
  LeaseRequest,
} from './store.ts';
export { watchDataLoader } from './watch-data-loader.ts';
export { watchInstalledDataLoaders } from './installed-data-loaders.ts';
