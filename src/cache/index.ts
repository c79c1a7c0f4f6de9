/** The cache engine. Knows no GraphQL and no SQL. */
export { consoleLog, type CacheLog } from './events/cache-log.ts';
export type { CacheOptions } from './cache-options.ts';
export { checkOptions, optionsFault, type OptionRule, type OptionRules } from './base/check-options.ts';
export type { Cache } from './cache.ts';
export { cached, type CachedFunction, type CachedFunctionOptions } from './cached-function.ts';
export { createCdn, type Cdn, type PurgedCache } from './cdn/cdn.ts';
export type { CdnOptions } from './cdn/cdn-options.ts';
export type { PurgeCall } from './cdn/purge-calls.ts';
export type { WaitingPurges } from './cdn/purge-queue.ts';
export type { CdnTags, TaggedValue } from './cdn/response-tags.ts';
export { createCache } from './create-cache.ts';
export type { ArgumentDefaults, ValueOf } from './deleter.ts';
export type { StoredValueOf } from './property-replacer.ts';
export type { FetchOptions, Only } from './fetch-options.ts';
export type { Mode } from './fetch.ts';
export type { RevalidatedHit } from './revalidate.ts';
export { systemClock, type Clock } from './base/clock.ts';
export type { Codec } from './entry/class-codecs.ts';
export { codecVersion } from './entry/codec.ts';
export { copyOfArguments } from './entry/copy-of-arguments.ts';
export { CacheError, type CacheErrorCode } from './base/errors.ts';
export type { CacheEvent, CacheListener, ShadowResult, Tier, WriteRefusal } from './events/events.ts';
export type { Dependency, EntryRef, EntryVersion } from './entry/entry.ts';
export { noteIdentity } from './entry/plain-data.ts';
export type { Key, KeyParts, ParentId, ViewerId } from './entry/key.ts';
export { currentLoad, runForLoads } from './scope/load-scope.ts';
export type { MemoryTierState } from './memory/memory-tier.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type { Outcome } from './outcome.ts';
export type { InvalidationScope } from './pending-invalidations.ts';
export type { StoredData } from './store/stored-data.ts';
export {
  createPolicy,
  durationMsOf,
  storedStaleMs,
  withTags,
  type Duration,
  type Policy,
  type PolicyOptions,
  type TtlFunction,
} from './policy.ts';
export { redisAddressFault } from './store/redis/address.ts';
export { createRedisStore } from './store/redis/create-redis-store.ts';
export type { RedisStoreOptions } from './store/redis/store-options.ts';
export type { RedisClient, RedisClientOptions, RedisTarget } from './store/redis/target.ts';
export { noteSelectionRead, noteViewerRead } from './scope/request-reads.ts';
export type { Load } from './scope/scope.ts';
export { CacheStats, type Counts } from './events/stats.ts';
export type { PropertyNames, PropertyTexts } from './entry/properties.ts';
export type {
  Confirmation,
  ConnectionListener,
  PropertyReplacement,
  Store,
  StoreRead,
  StoreUsage,
  StoreWrite,
  UnleasedWrite,
  LeasedWrite,
  FillReply,
  LeaseRelease,
  LeaseReply,
  LeaseRequest,
} from './store/store.ts';
export type { Stamps } from './tags/tags.ts';
export type { TokenListener, TokenTracking, TrackTokens } from './store/token-tracking.ts';
export type { CacheTracer, OperationEnd, OperationSpan, TracedOperation } from './tracing.ts';
export { watchDataLoader } from './scope/watch-data-loader.ts';
export { watchInstalledDataLoaders } from './scope/installed-data-loaders.ts';
export type { WarmUpOptions, WarmUpResult, WarmUpTask } from './warm-up.ts';
