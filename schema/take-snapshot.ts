/** The state of the cache at one moment, and what has happened to it since an earlier one. */
import { CacheError, type Cache, type StoreUsage } from '../src/cache/index.ts';
import type { ShopContext } from './builder.ts';
import type { HistoryEvent } from './cache-history.ts';
import { consoleOf } from './console-only.ts';
import type { WallClock } from './wall-clock.ts';

export interface Snapshot {
  /** Milliseconds since 1970. */
  readonly atMs: number;
  /** Since this process started, as all counts. */
  readonly hits: number;
  readonly misses: number;
  readonly loads: number;
  /** Undefined while the store is unavailable. */
  readonly usage: StoreUsage | undefined;
  readonly backend: Cache['tier'];
  readonly isStoreAvailable: boolean;
  readonly isCircuitOpen: boolean;
  readonly events: readonly HistoryEvent[];
}

/** What a snapshot is taken of. */
export type Watched = Pick<ShopContext, 'cache' | 'cacheStats' | 'shopConsole'>;

/** A store that takes longer to count its keys is not waited for. */
const usageMsMax = 500;

/**
 * Takes a snapshot. It does not fail, and is not delayed, while the store is unavailable.
 *
 * @param sinceMs The events after this time. Default: those of the last five minutes.
 */
export async function takeSnapshot({ cache, cacheStats, ...context }: Watched, sinceMs?: number): Promise<Snapshot> {
  const { history, clock } = consoleOf(context);
  const { usage, hasFailed } = await usageInTime(cache, clock);
  const { hits, misses, loads } = cacheStats.total();
  return {
    atMs: history.nowMs(),
    hits,
    misses,
    loads,
    usage,
    backend: cache.tier,
    isStoreAvailable: history.isStoreAvailable && !hasFailed,
    isCircuitOpen: history.isCircuitOpen,
    events: history.eventsAfter(sinceMs),
  };
}

interface Reply {
  readonly usage: StoreUsage | undefined;
  /** Whether the store could not be asked. */
  readonly hasFailed: boolean;
}

function usageInTime(cache: Cache, clock: WallClock): Promise<Reply> {
  return new Promise((resolve) => {
    const cancel = clock.after(usageMsMax, () => resolve({ usage: undefined, hasFailed: false }));
    cache
      .usage()
      .then(
        (usage) => resolve({ usage, hasFailed: false }),
        (error: unknown) => resolve({ usage: undefined, hasFailed: !isForbidden(error) }),
      )
      .finally(cancel);
  });
}

/** Whether the store is available, and its user may not ask how much it holds. */
function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof CacheError && error.cause.code === 'STORE_REFUSED';
}
