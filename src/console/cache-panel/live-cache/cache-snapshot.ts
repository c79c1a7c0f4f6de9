/** What a server with the shop's console reports about its cache. Times are those of the server, in ms since 1970. */

export type CacheEventKind =
  'FLUSH' | 'INVALIDATION' | 'STORE_UNAVAILABLE' | 'STORE_AVAILABLE' | 'CIRCUIT_OPENED' | 'CIRCUIT_CLOSED';

export interface CacheEvent {
  readonly at: number;
  readonly kind: CacheEventKind;
  readonly detail: string;
}

export interface CacheSnapshot {
  readonly at: number;
  /** Since the server's process started. */
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  /** Null while the store is unavailable. */
  readonly keys: number | null;
  /** In bytes; null while the store is unavailable. */
  readonly memoryUsed: number | null;
  readonly backend: 'REDIS' | 'MEMORY';
  readonly isStoreAvailable: boolean;
  readonly isCircuitOpen: boolean;
  /** What has happened since the time that the client gave, or since the previous snapshot. */
  readonly events: readonly CacheEvent[];
}

const selection = `at hits misses loads keys memoryUsed backend isStoreAvailable isCircuitOpen events { at kind detail }`;

export const cacheEventsSubscription = `subscription CacheEvents($since: Float) { cacheEvents(since: $since) { ${selection} } }`;
export const cacheSnapshotQuery = `query CacheSnapshot($since: Float) { cacheSnapshot(since: $since) { ${selection} } }`;
