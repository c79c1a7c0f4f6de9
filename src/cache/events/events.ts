/** Everything that the engine does, as one union: stats, metrics, logs and tests listen to it. */
export type CacheEvent =
  /** `stale`: the value had expired; a refresh begins, unless one runs or has just failed. */
  | { type: 'hit' | 'stale'; key: string; field: string; tier: Tier; durationMs: number; ageMs: number; loadMs: number }
  | { type: 'miss' | 'shared' | 'bypass' | 'refresh'; key: string; field: string; durationMs: number }
  /** An invalidated value was loaded again, though no request had asked for it; see `refills.ts`. */
  | { type: 'refill'; key: string; field: string }
  /** A load has failed, and the request received an expired value instead. */
  | { type: 'failure-hidden'; key: string; field: string; error: unknown }
  /** A load that no request began has failed: a refill, or a refresh of a value that requests still receive. */
  | { type: 'background-failed'; key: string; field: string; error: unknown }
  /** The shadow check of a hit has ended, or was skipped. `error` is set if the result is `failed`. */
  | { type: 'shadow-check'; key: string; field: string; result: ShadowResult; error?: unknown }
  /** A cached value differs from what its load returns, and nothing has invalidated it. `paths`: where, ten at most, without values. */
  | { type: 'shadow-difference'; key: string; field: string; paths: readonly string[]; ageMs: number }
  /** `isRefresh`: in the background, of a value that requests still receive, because it is stale or about to expire. */
  | { type: 'load'; key: string; field: string; loadMs: number; isRefresh?: boolean }
  | { type: 'load-failed'; key: string; field: string; loadMs: number; error: unknown }
  | { type: 'write'; key: string; field: string; ttlMs: number; textBytes: number }
  /** The value was returned and not stored. `what` was found or read; it contains no values that clients sent. */
  | { type: 'write-refused'; key: string; field: string; reason: WriteRefusal; what?: string; error?: unknown }
  /** The request stopped waiting for the holder of the lease, and loads for itself. */
  | { type: 'lease-timeout'; key: string; field: string; waitMs: number }
  /** The entry found at the key was not used. */
  | { type: 'entry-rejected'; key: string; field: string; reason: 'corrupt' | 'invalidated' }
  /** A stored value was not used, because this cache does not have its codec, or the codec failed. For an entry, `entry-rejected` follows. */
  | { type: 'decode-failed'; codec: string; error: unknown }
  /** The field was resolved without the cache, because of its arguments or its parent: `Cache.uncached`. */
  | { type: 'uncached'; field: string; error: unknown }
  /** `isFed`: because another program has changed rows, as a change feed has reported. */
  | { type: 'invalidate'; tags: readonly string[]; isFed?: boolean }
  /** `Cache.flush` has invalidated every value. `flush`: the values are removed, too. */
  | { type: 'flush-began' }
  | { type: 'flush'; keysRemoved: number }
  /** `Cache.delete` has removed the values of a field with some arguments. `keys`: where they were, if there were any. */
  | { type: 'delete'; field: string; keysRemoved: number; keys: readonly string[] }
  /** `onInvalidate` of `createCdn` has succeeded for this many tags; `isRepeated`: it was their second purge. */
  | { type: 'purge'; tagCount: number; isRepeated: boolean }
  /** It has failed, and its tags are tried again after `retryMs` at the earliest; null: they are not, and `purge-given-up` follows. */
  | { type: 'purge-failed'; tagCount: number; error: unknown; retryMs: number | null }
  /** These tags, as the CDN has them, are not purged: the last attempt has failed, or the `Cdn` was closed before they could be. */
  | { type: 'purge-given-up'; tags: readonly string[]; reason: 'attempts' | 'closed' }
  /** `Cache.replaceField` has replaced a property of a value. */
  | { type: 'replace'; key: string; field: string }
  /** `invalidateCommitted` could not reach the store: this process does not use it until the invalidation is delivered. */
  | { type: 'invalidation-pending'; tags: readonly string[]; error: unknown }
  /** All pending invalidations are delivered. An `invalidate` with their tags came first. */
  | { type: 'invalidation-delivered' }
  /** A round trip to the store failed; `operation` is the first call in it that did. */
  | { type: 'store-failed'; operation: string; error: unknown }
  /** The fetch continued without this reply, or did not make the call: its calls had used up the deadline. */
  | { type: 'store-slow'; operation: string }
  | { type: 'breaker-opened' | 'breaker-closed' }
  /** The store has lost its connection; `connection-ready`: it is connected again. */
  | { type: 'connection-failed'; error: unknown }
  | { type: 'connection-ready' }
  /** Whether the memory tier serves values: it does while it receives the changes in the store. */
  | { type: 'memory-coherent' | 'memory-incoherent' }
  /** The store does not report changes, so the memory tier is off. */
  | { type: 'tracking-refused'; error: unknown };

/** Why a loaded value was not stored. */
export type WriteRefusal =
  | 'unencodable' // it has no stored form that is decoded without a difference
  | 'too-large' // its text is too long for a store to return within its deadline
  | 'lease-lost' // the lease ran out, or was taken over, before the load ended
  | 'token-lost' // a tag lost its token when it was captured, or an inner value changed during the load
  | 'not-captured' // its load touched `what`, whose token was not captured before; it will be before the next load
  | 'unknown-source' // its load read a source without a name, and its policy names no tags
  | 'viewer-dependent' // its load read the viewer (`what`), or a value (`what`) that fewer viewers may see
  | 'reads-selection' // its load read the request's selection (`what`), or its parent (`what`) was loaded for one selection
  | 'uncommitted-read' // its load read data that others cannot see yet, such as in an open transaction
  | 'null-ttl' // its policy says so: `nullTtl` is null, or `ttl` returned null (`what`)
  | 'invalid-ttl' // the function `ttl` threw, or returned no duration (`what`)
  | 'inner-unstored' // it depends on an inner value that is not stored
  | 'other-cache'; // it depends on a value of another cache, whose invalidations would not reach it

/** How the shadow check of a hit has ended. */
export type ShadowResult =
  | 'equal' // the cached value is what its load returns
  | 'different' // it differed twice, and nothing has invalidated it; followed by `shadow-difference`
  | 'explained' // the entry was invalidated, deleted, replaced (also one of its properties) or flushed, or has expired
  | 'not-comparable' // what was loaded has no stored form, or depends on the request; or a codec fails to encode a value again
  | 'failed' // the load failed
  | 'skipped'; // too many loads or checks were in progress, its field is paused after a failure, or the store did not reply

/** Receives every event. What it throws is reported and otherwise ignored, so that a listener cannot break a request. */
export type CacheListener = (event: CacheEvent) => void;

/** Emits an event of a part of the engine. */
export type EmitEvent = (event: CacheEvent) => void;

/** Where a value was found. */
export type Tier = 'memory' | 'redis';
