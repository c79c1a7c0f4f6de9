/**
 * The store on Redis.
 *
 * A command that timed out may still run later; that is harmless, because a value is taken only while the tokens it is
 * stamped with stand, and ends at the time that its writer has named.
 *
 * A token begins with the id of the server's run that it was made on, and is none on any other: a server that comes back
 * from an old dump has the tokens of back then, and with them values that were invalidated since; so has the one that
 * takes over from a primary whose last deletions it has not heard of.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { systemClock } from './clock.ts';
import { randomText } from './random-text.ts';
import { batchCalls } from './redis-batch.ts';
import { connectRedis } from './redis-connection.ts';
import { rethrow } from './redis-fault.ts';
import { acquireScript, fillScript, leaseKey, releaseScript, renewScript, type Script } from './redis-scripts.ts';
import { checkOptionNames, type RedisStoreOptions } from './redis-store-options.ts';
import { reachOptionsOf } from './redis-target.ts';
import { checkNamespace, tokenTtlMs, type LeaseReply, type Store } from './store.ts';
import { addReplaced, trackTokens } from './tracking.ts';

/** Keys that one SCAN step looks at; each batch is one UNLINK. */
const scanCount = 250;

/**
 * A store on Redis. It connects at once and reconnects by itself; until it is connected every call
 * rejects, so a process starts without Redis. It issues no command except in the database that it was created for; where
 * that database cannot be selected, the store stays unavailable.
 *
 * @param options.address `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for TLS, or the path of a
 *   Unix socket, with `?db=` for the database.
 * @param options.client Instead of an address: an ioredis client, or the options of one, for what an address cannot express: TLS
 *   certificates, Sentinels, a password that is rotated. The store opens connections of its own with the same host, user,
 *   TLS and database, and its own time-outs. It neither uses nor closes the client, and reads `options.password` anew for
 *   each connection. The database is that of `options.db`; `keyPrefix` must be empty; a Cluster is not supported.
 * @throws {CacheError} `INVALID_OPTIONS` for an unknown or malformed option, and for an address that does not name one server
 *   and one database; `INVALID_KEY` for a namespace.
 */
export async function createRedisStore(options: RedisStoreOptions): Promise<Store> {
  checkOptionNames(options);
  const { namespace, deadlineMs = 100, clock = systemClock, onError = () => {}, onReady = () => {} } = options;
  const reach = reachOptionsOf(options);
  checkNamespace(namespace);
  const connection = await connectRedis({ reach, deadlineMs, clock, onError, onReady });
  const { ready, wrote, knownServerNowMs, serverNowMs, runId } = connection;

  const tokenPrefix = `${namespace}:tag:`;
  const tokenKey = (tag: string): string => tokenPrefix + tag;
  const asked = batchCalls({ connection, tokenKey });

  /** All keys of the namespace, some at a time, and how many of them are values. */
  const scanned = async function* (): AsyncGenerator<{ keys: string[]; values: number }> {
    for await (const keys of scan(ready(), `${namespace}:*`)) {
      yield { keys, values: keys.filter((key) => !key.startsWith(tokenPrefix)).length };
    }
  };

  /** Runs what `add` adds for the token of each tag; once in a turn for all who give it the same name. */
  const eachToken = (
    name: string,
    tags: readonly string[],
    add: (commands: ChainableCommander, key: string) => unknown,
  ): Promise<unknown> =>
    asked((batch) => {
      const answers = tags.map((tag) => batch.once(`${name} ${tag}`, (commands) => add(commands, tokenKey(tag))));
      return () => answers.map((answer) => answer());
    });

  /** A token that stands is kept; a missing one is made. */
  const captured = async (tags: readonly string[]): Promise<(string | undefined)[]> => {
    const ofThisRun = `${await runId()}.`;
    const [livesMs, tokens] = await asked((batch) => {
      const capturing = tags.map((tag) =>
        batch.once(`capture ${tag}`, (commands) => {
          const token = ofThisRun + randomText(16);
          commands.set(tokenKey(tag), token, 'PX', tokenTtlMs, 'NX').pttl(tokenKey(tag));
        }),
      );
      const answer = batch.tokens(tags);
      return () => [capturing.map((reply) => Number(reply()[1])), answer()] as const;
    });
    if (tags.length > 0) wrote();
    // Once in a while, and not with each capture: every EXPIRE of a token is told to all who track them.
    const old = tags.filter((_, index) => Number(livesMs[index]) < tokenTtlMs / 2);
    if (old.length > 0) await eachToken('renew', old, (commands, key) => commands.pexpire(key, tokenTtlMs));
    return tokens;
  };

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
        const reading = batch.once(`read ${key}`, (commands) => commands.get(key).pttl(key));
        const tokens = batch.tokens(tags);
        return () => {
          const [text, remainingMs] = reading();
          const isAlive = typeof text === 'string' && typeof remainingMs === 'number' && remainingMs > 0;
          return { text: isAlive ? text : undefined, remainingMs: isAlive ? remainingMs : 0, tokens: tokens() };
        };
      }),

    confirm: (entries, tags) =>
      asked((batch, isKnown) => {
        const lives = batch.confirm(entries, isKnown);
        const tokens = batch.tokens(tags);
        return () => ({ remainingMs: lives().map((life) => (life > 0 ? life : undefined)), tokens: tokens() });
      }),

    tokens: (tags) => asked((batch) => batch.tokens(tags)),

    async capture(tags) {
      const tokens = await captured(tags);
      const lost = tags.filter((_, index) => tokens[index] === undefined);
      if (lost.length === 0) return tokens;
      // Evicted meanwhile, of another run, or something else at the key, which would be no token for ever.
      await eachToken('drop', lost, (commands, key) => commands.unlink(key));
      return captured(tags);
    },

    async write(key, { text, ttlMs, tags }) {
      const endMs = endAfter(ttlMs, knownServerNowMs() ?? (await serverNowMs()));
      return await asked((batch) => {
        // Who loads under a lease has begun before: what he brings is older, and is not stored over this.
        const writing = batch.run((commands) => {
          addReplaced(commands.set(key, text, 'PXAT', endMs).del(leaseKey(key)), tokenPrefix, key);
        });
        const tokens = batch.tokens(tags);
        return () => {
          writing(); // throws where it was not stored
          wrote();
          return tokens();
        };
      });
    },

    acquire: (key, { lease, basis, leaseMs, head = '', takenOver = '', tags }) =>
      asked((batch, isKnown) => {
        const args = [lease, basis, leaseMs, head, takenOver];
        const reply = batch.script(acquireScript, { keys: withLease(key), args, isKnown });
        const tokens = batch.tokens(tags);
        return () => {
          const [state, text = '', remainingMs = 0] = reply() as [LeaseReply['state'], string?, number?];
          if (state === 'held') wrote();
          const [token, itsBasis] = [text.slice(0, lease.length), text.slice(lease.length)];
          return {
            state,
            text: state === 'value' ? text : undefined,
            remainingMs,
            holder: state === 'taken' ? { lease: token, basis: itsBasis } : undefined,
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

    async dropTokens(tags) {
      await ready().unlink(tags.map(tokenKey)).catch(rethrow);
      wrote();
    },

    async clear() {
      let keysRemoved = 0;
      for await (const { keys, values } of scanned()) {
        keysRemoved += values;
        await ready().unlink(keys).catch(rethrow);
      }
      return keysRemoved;
    },

    async usage() {
      let keys = 0;
      for await (const { values } of scanned()) keys += values;
      const [, bytes = '0'] = /^used_memory:(\d+)/m.exec(await ready().info('memory').catch(rethrow)) ?? [];
      return { keys, memoryUsed: Number(bytes) };
    },

    track: (ears) => trackTokens({ reach, prefix: tokenPrefix, redis: connection.redis }, ears),

    async ping() {
      await ready().ping();
    },

    async close() {
      connection.redis.disconnect();
    },
  };
}

/** In milliseconds since 1970: Redis takes whole ones. */
function endAfter(ttlMs: number, nowMs: number): number {
  return Math.floor(nowMs + ttlMs);
}

function withLease(key: string): readonly string[] {
  return [key, leaseKey(key)];
}

/** Never KEYS: Redis may be shared, and KEYS stops it for everyone. */
async function* scan(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount).catch(rethrow);
    cursor = next;
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}
