import { Cache } from './cache.ts';
import type { CacheOptions } from './cache-options.ts';
import { watchInstalledDataLoaders } from './scope/installed-data-loaders.ts';

/**
 * Creates a cache over `store`, for its namespace. Every copy of DataLoader that is loaded is adapted so that its batches
 * are correct inside loads; see `watchDataLoader`.
 *
 * @throws {CacheError} `INVALID_OPTIONS`, with the name of the option, what it must be and what was received.
 */
export function createCache(options: CacheOptions): Cache {
  watchInstalledDataLoaders();
  return new Cache(options);
}
