/**
 * The store on Redis.
 *
 * A command that timed out may still run later. That is harmless, because a value counts only while the tokens it is stamped with
 * are unchanged, and expires at the time that its writer named; and a property is replaced only while its caller waits.
 */
import { systemClock } from '../../base/clock.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { DatabaseIdentity } from './database-identity.ts';
import { redisEntries } from './entries.ts';
import { Listeners } from '../../events/listeners.ts';
import { batchCalls } from './batch.ts';
import { connectRedis } from './connection.ts';
import { namespaceOf } from './namespace.ts';
import { keptTexts } from './kept-texts.ts';
import { redisLeases } from './leases.ts';
import type { RedisStoreOptions } from './store-options.ts';
import { reachOptionsOf } from './target.ts';
import { redisTokens } from './tokens.ts';
import { checkNamespace, type Store } from '../store.ts';
import { tokenNameOf } from '../../tags/token-names.ts';
import { trackTokens } from './tracking.ts';

/** See `createRedisStore`. */
export async function openRedisStore(options: RedisStoreOptions): Promise<Store> {
  const { namespace, deadlineMs = 100, clock = systemClock, onError = () => {}, onReady = () => {} } = options;
  const reach = reachOptionsOf(options);
  checkNamespace(namespace);
  const watch = new ConnectionWatch();
  // The callbacks run in event handlers of the connection, where an exception would end the process.
  const callers = new Listeners((error) => process.emitWarning(`createRedisStore: a callback threw ${String(error)}`));
  watch.watch({ failed: (error) => callers.call(onError, error), ready: () => callers.call(onReady, undefined) });
  const connection = await connectRedis({
    reach,
    deadlineMs,
    clock,
    onError: (error) => watch.failed(error),
    onReady: () => watch.ready(),
  });
  const { send, wrote } = connection;
  const tokenPrefix = `${namespace}:tag:`;
  const tokenKey = (tag: string): string => tokenPrefix + tokenNameOf(tag);
  const identity = new DatabaseIdentity({ connection, clock, tokenKey });
  const { inBatch, inOwnBatch } = batchCalls({ connection, identity, tokenKey });
  /** Reads the id of the database before it is used, so that the first read need not. */
  const identified = (): Promise<unknown> => inBatch((batch) => batch.database()).catch(() => {});
  connection.redis.on('ready', () => void identified());
  if (connection.redis.status === 'ready') await identified();

  return {
    namespace,
    tier: 'redis',

    ...redisTokens({ inBatch, inOwnBatch, connection, tokenKey }),
    ...redisEntries({ inBatch, connection, tokenPrefix, deadlineMs }),
    ...redisLeases({ inBatch, connection, tokenPrefix }),
    ...keptTexts({ send, wrote, namespace }),
    ...namespaceOf({ send, namespace, tokenPrefix, keptKey: identity.key }),

    track(listener) {
      const setHeartbeat = async (key: string, ttlMs: number): Promise<boolean> => {
        const isKnown = await inBatch((batch) => {
          const setting = batch.run((commands) => commands.set(key, '', 'PX', ttlMs));
          const database = batch.database();
          return () => (setting(), database());
        });
        wrote();
        return isKnown;
      };
      const tracked = { reach, prefix: tokenPrefix, redis: connection.redis, onDatabase: identity.onChange };
      return trackTokens({ ...tracked, setHeartbeat }, listener);
    },

    watchConnection: (listener) => watch.watch(listener),

    async ping() {
      await send((redis) => redis.ping());
    },

    async close() {
      connection.redis.disconnect();
    },
  };
}
