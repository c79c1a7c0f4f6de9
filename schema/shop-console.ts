import type { CacheListener } from '../src/cache/index.ts';
import { CacheHistory } from './cache-history.ts';
import { SelfStartingRedis, type PrivateRedis } from './self-starting-redis.ts';
import { systemWallClock, type WallClock } from './wall-clock.ts';

/** What a console shows, besides the cache. */
export interface ShopConsoleOptions {
  /** The command that opens the store for a person, without a password; null if there is none. */
  readonly redisCli: string | null;
  /** Undefined if this process has not started one. */
  readonly privateRedis: PrivateRedis | undefined;
  /** Default: the machine's clock. */
  readonly clock?: WallClock;
}

/** What the fields need that exist for the console alone. */
export interface ShopConsole extends Required<ShopConsoleOptions> {
  readonly history: CacheHistory;
}

/**
 * Creates what the fields need that exist for the console alone.
 *
 * @param cache The cache that the console shows, from now on.
 */
export function createShopConsole(
  cache: { on(listener: CacheListener): () => void },
  { clock = systemWallClock, redisCli, privateRedis }: ShopConsoleOptions,
): ShopConsole {
  return {
    redisCli,
    privateRedis: privateRedis && new SelfStartingRedis(privateRedis, clock),
    clock,
    history: new CacheHistory(cache, clock),
  };
}
