/**
 * The store on Redis.
 *
 * A command that timed out may still run later. That is harmless, because a value counts only while the tokens it is stamped with
 * are unchanged, and expires at the time that its writer named.
 */
import { systemClock } from '../../base/clock.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { DatabaseIdentity } from './database-identity.ts';
import { entryIdOf } from '../../entry/entry.ts';
import { Listeners } from '../../events/listeners.ts';
import { batchCalls } from './batch.ts';
import { connectRedis } from './connection.ts';
import { namespaceOf } from './namespace.ts';
import { acquireScript, fillScript, leaseKey, longScript, releaseScript, renewScript, type Script } from './scripts.ts';
import type { RedisStoreOptions } from './store-options.ts';
import { reachOptionsOf } from './target.ts';
import { redisTokens } from './tokens.ts';
import { checkNamespace, firstBytes, type LeaseReply, type Store, type StoreRead } from '../store.ts';
import { anyEntryId } from '../../entry/entry.ts';
import { tokenNameOf } from '../../tags/token-names.ts';
import { addReplaced, trackTokens } from './tracking.ts';

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
  const { send, wrote, knownServerNowMs, serverNowMs } = connection;

  const tokenPrefix = `${namespace}:tag:`;
  const tokenKey = (tag: string): string => tokenPrefix + tokenNameOf(tag);
  const identity = new DatabaseIdentity({ connection, clock, tokenKey });
  const { asked, askedAtOnce } = batchCalls({ connection, identity, tokenKey });
  /** Reads the id of the database before it is used, so that the first read need not. */
  const identified = (): Promise<unknown> => asked((batch) => batch.database()).catch(() => {});
  connection.redis.on('ready', () => void identified());
  if (connection.redis.status === 'ready') await identified();

  const readLong = (key: string, tags: readonly string[]): Promise<StoreRead> =>
    asked((batch, isKnown) => {
      const reply = batch.script(longScript, { keys: [key], args: [], isKnown });
      const tokens = batch.tokens(tags);
      return () => {
        const [text, remainingMs] = reply() as unknown[];
        return readOf(text, remainingMs, tokens());
      };
    });

  const ran = (script: Script, keys: readonly string[], args: readonly (string | number)[]): Promise<void> =>
    asked((batch, isKnown) => {
      const reply = batch.script(script, { keys, args, isKnown });
      return () => void reply();
    });

  return {
    namespace,
    tier: 'redis',

    read: (key, tags) =>
      asked((batch) => {
        const reading = batch.once(`read ${key}`, (commands) => commands.getrange(key, 0, firstBytes - 1).pttl(key));
        const tokens = batch.tokens(tags);
        return () => {
          const [text, remainingMs] = reading();
          return isLongEntry(text) ? readLong(key, tags) : readOf(text, remainingMs, tokens());
        };
      }),

    confirm: (entries, tags) =>
      asked((batch, isKnown) => {
        const lives = batch.confirm(entries, isKnown);
        const tokens = batch.tokens(tags);
        return () => ({ remainingMs: lives().map((life) => (life > 0 ? life : undefined)), tokens: tokens() });
      }),

    ...redisTokens({ asked, askedAtOnce, connection, tokenKey }),

    async write(key, { text, ttlMs, tags }) {
      const endMs = endAfter(ttlMs, knownServerNowMs() ?? (await serverNowMs()));
      return await asked((batch) => {
        // A request that loads under a lease began before this: its value is older, and must not replace this one.
        const writing = batch.run((commands) => {
          addReplaced(commands.set(key, text, 'PXAT', endMs).del(leaseKey(key)), tokenPrefix, key);
        });
        const tokens = batch.tokens(tags);
        return () => {
          writing(); // throws if it was not stored
          wrote();
          return tokens();
        };
      });
    },

    acquire: (key, { lease, stampsDigest, leaseMs, rejectedEntryId = '', takenOver = '', tags }) =>
      asked((batch, isKnown) => {
        const args = [lease, stampsDigest, leaseMs, rejectedEntryId, takenOver];
        const reply = batch.script(acquireScript, { keys: withLease(key), args, isKnown });
        const tokens = batch.tokens(tags);
        return () => {
          const [state, text = '', remainingMs = 0] = reply() as [LeaseReply['state'], string?, number?];
          if (state === 'held') wrote();
          const [token, itsDigest] = [text.slice(0, lease.length), text.slice(lease.length)];
          return {
            state,
            text: state === 'value' ? text : undefined,
            remainingMs,
            holder: state === 'taken' ? { lease: token, stampsDigest: itsDigest } : undefined,
            tokens: tokens(),
          };
        };
      }),

    async fill(key, { lease, text, ttlMs, tags }) {
      const endMs = endAfter(ttlMs, knownServerNowMs() ?? (await serverNowMs()));
      return await asked((batch, isKnown) => {
        const reply = batch.script(fillScript, { keys: withLease(key), args: [lease, text, endMs], isKnown });
        const tokens = batch.tokens(tags);
        return () => {
          const isStored = reply() === 1;
          if (isStored) wrote();
          return { isStored, tokens: tokens() };
        };
      });
    },

    renew: (key, { lease, leaseMs }) => ran(renewScript, withLease(key), [lease, leaseMs]),

    release: (key, { lease, openMs }) => ran(releaseScript, withLease(key), [lease, openMs]),

    ...namespaceOf({ send, namespace, tokenPrefix, keptKey: identity.key }),

    track(listener) {
      const setHeartbeat = async (key: string, ttlMs: number): Promise<boolean> => {
        const isKnown = await asked((batch) => {
          const setting = batch.run((commands) => commands.set(key, '', 'PX', ttlMs));
          const database = batch.database();
          return () => (setting(), database());
        });
        wrote();
        return isKnown;
      };
      const { redis } = connection;
      return trackTokens({ reach, prefix: tokenPrefix, redis, setHeartbeat, onDatabase: identity.onChange }, listener);
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

/** In milliseconds since 1970, rounded: Redis takes whole numbers. */
function endAfter(ttlMs: number, nowMs: number): number {
  return Math.floor(nowMs + ttlMs);
}

function readOf(text: unknown, remainingMs: unknown, tokens: StoreRead['tokens']): StoreRead {
  const isAlive = typeof text === 'string' && typeof remainingMs === 'number' && remainingMs > 0;
  return { text: isAlive ? text : undefined, remainingMs: isAlive ? remainingMs : 0, tokens };
}

/** Whether `text`, read up to `firstBytes`, is the beginning of a longer entry. Its last character may be cut. */
function isLongEntry(text: unknown): boolean {
  if (typeof text !== 'string' || text.length < firstBytes / 4) return false;
  return Buffer.byteLength(text) >= firstBytes - 3 && entryIdOf(text) !== anyEntryId;
}

function withLease(key: string): readonly string[] {
  return [key, leaseKey(key)];
}
