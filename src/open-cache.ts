/** Opens the store, and the cache over it. */
import {
  createCache,
  createMemoryStore,
  createRedisStore,
  type Cache,
  type CacheOptions,
  type Store,
} from './cache/index.ts';
import type { Config } from './config.ts';
import { startRestartableRedis, type RestartableRedis } from './embedded/index.ts';
import { openTelemetryTracer } from './opentelemetry/index.ts';
import { cacheLogOf } from './server/cache-log.ts';
import type { Log } from './server/log.ts';
import { redisCliFor } from './server/redis-cli.ts';
import type { Shutdown } from './server/shutdown.ts';

/** The store, and its Redis for the console. */
interface OpenStore {
  readonly store: Store;
  /** The command that opens the Redis for a person, without a password; null if there is none. */
  readonly redisCli: string | null;
  /** Undefined if this process has not started one. */
  readonly privateRedis: RestartableRedis | undefined;
}

/** Opens the Redis of `REDIS_URL`, otherwise a private one, otherwise a store in memory. */
export async function openStore(config: Config, log: Log, shutdown: Shutdown): Promise<OpenStore> {
  const { redisUrl, cacheNamespace: namespace, cacheMemoryBytesMax: bytesMax } = config;
  const privateRedis = redisUrl === undefined ? await startPrivateRedis(log, shutdown) : undefined;
  const address = redisUrl ?? privateRedis?.socketPath;
  if (address === undefined) {
    log.info('Redis: none, because REDIS_URL is not set and no redis-server or valkey-server is on the PATH');
    log.info('Cache: in the memory of this process alone');
    return { store: createMemoryStore({ namespace, bytesMax }), redisCli: null, privateRedis };
  }
  if (redisUrl !== undefined) log.info('Redis: as REDIS_URL says');
  const store = await createRedisStore({ address, namespace });
  return { store, redisCli: redisCliFor(address), privateRedis };
}

async function startPrivateRedis(log: Log, shutdown: Shutdown): Promise<RestartableRedis | undefined> {
  const redis = await startRestartableRedis();
  if (redis === null) return undefined;
  shutdown.add('private Redis', () => redis.close());
  log.info(`Redis: private, gone when this stops; look inside with: ${redisCliFor(redis.socketPath)}`);
  return redis;
}

/** What the cache needs, besides the configuration. */
interface CacheParts extends Pick<CacheOptions, 'store' | 'knownTags'> {
  readonly log: Log;
}

/** Opens the cache. Its spans go to the SDK of OpenTelemetry, if the program has one. */
export function openCache(config: Config, { log, ...parts }: CacheParts): Cache {
  const { cacheMemoryBytesMax: memoryBytesMax, loadsAtOnceMax } = config;
  return createCache({
    ...parts,
    memoryBytesMax,
    ...(loadsAtOnceMax !== undefined && { loadsAtOnceMax }),
    log: cacheLogOf(log),
    tracer: openTelemetryTracer(),
  });
}
