/** All that the engine does, as one union: stats, metrics, logs and tests listen to it. */
export type CacheEvent =
  | { type: 'hit'; key: string; field: string; tier: Tier; durationMs: number; ageMs: number; loadMs: number }
  | { type: 'miss' | 'shared' | 'bypass' | 'refresh'; key: string; field: string; durationMs: number }
  | { type: 'load'; key: string; field: string; loadMs: number }
  | { type: 'load-failed'; key: string; field: string; loadMs: number; error: unknown }
  | { type: 'write'; key: string; field: string; ttlMs: number; textChars: number }
  /** The value was answered and not stored. `what` was found or read; it has no values that clients sent. */
  | { type: 'write-refused'; key: string; field: string; reason: WriteRefusal; what?: string; error?: unknown }
  /** The holder of the lease was not waited for any longer: this request loads for itself. */
  | { type: 'lease-timeout'; key: string; field: string; waitMs: number }
  /** What was found at the key was not taken. */
  | { type: 'entry-rejected'; key: string; field: string; reason: 'corrupt' | 'invalidated' }
  /** The field was left uncached, because of what it was asked with: `Cache.uncached`. */
  | { type: 'uncached'; field: string; error: unknown }
  | { type: 'invalidate'; tags: readonly string[] }
  | { type: 'flush'; keysRemoved: number }
  /** A round trip to the store failed; `operation` is the first call in it that did. */
  | { type: 'store-failed'; operation: string; error: unknown }
  /** A fetch went on without the answer, or without asking: its calls together had taken as long as one may. */
  | { type: 'store-slow'; operation: string }
  | { type: 'breaker-opened' | 'breaker-closed' }
  /** The store has no connection, for now; `connection-ready`: it has one again. */
  | { type: 'connection-failed'; error: unknown }
  | { type: 'connection-ready' }
  /** Whether the memory tier answers: it does while it is known what has changed in the store. */
  | { type: 'memory-coherent' | 'memory-incoherent' }
  /** The store does not tell what changes: the memory tier does not answer. */
  | { type: 'tracking-refused'; error: unknown };

/** Why a loaded value was not stored. */
export type WriteRefusal =
  | 'unencodable' // it has no stored form that comes back the same
  | 'too-large' // its text is longer than what a store gives back in its deadline
  | 'lease-lost' // the lease ran out, or was taken over, before the load ended
  | 'token-lost' // a tag lost its token while it was captured, or an inner value changed during the load
  | 'not-captured' // it has touched `what`, whose token was not captured before the load: the next time it is
  | 'unknown-source' // it has read what cannot be named, and its policy names no tags
  | 'viewer-dependent' // its load read the viewer (`what`), or a value (`what`) for fewer viewers than its own
  | 'reads-selection' // its load read what a request selects (`what`), or its parent (`what`) was loaded for one selection
  | 'uncommitted-read' // it has seen what others may not see, such as an open transaction
  | 'inner-unstored' // it was made from an inner value that is not stored
  | 'other-cache'; // it was made from a value of another cache, whose invalidations would not reach it

/** Hears every event; what it throws is lost, so that a listener cannot break a request. */
export type CacheListener = (event: CacheEvent) => void;

/** How the parts of the engine say what they do. */
export type EmitEvent = (event: CacheEvent) => void;

/** Which kind of memory answered. */
export type Tier = 'memory' | 'redis';
