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
import type { ChainableCommander } from 'ioredis';
import { systemClock } from './clock.ts';
import { randomText } from './random-text.ts';
import { batchCalls } from './redis-batch.ts';
import { connectRedis, rethrow, type ConnectionOptions, type RedisConnection } from './redis-connection.ts';
import { acquireScript, fillScript, leaseKey, releaseScript, renewScript, type Script } from './redis-scripts.ts';
import { checkNamespace, tokenTtlMs, type LeaseReply, type Store } from './store.ts';
import { addReplaced, trackTokens } from './tracking.ts';

/** Keys that one SCAN step looks at; each batch is one UNLINK. */
const scanCount = 250;

/**
 * A store on the Redis at `address`. It connects at once and reconnects by itself; until it is connected every call
 * rejects, so a process starts without Redis.
 *
 * @param options.address `redis://`, `rediss://`, or the path of a Unix socket.
 * @param options.namespace First part of every key, 1…32 of `a-z 0-9 _ -`. Two programs on one Redis differ in it.
 * @param options.deadlineMs As `createCache`'s, which is what requests see: 100 ms unless told otherwise. A command is given
 *   up after twice that.
 * @param options.clock Monotonic; the machine's own unless told otherwise.
 * @param options.onError Hears of each fault of the connection.
 * @param options.onReady Hears each time that the connection is up.
 */
export async function createRedisStore({
  address,
  namespace,
  deadlineMs = 100,
  clock = systemClock,
  onError = () => {},
  onReady = () => {},
}: Partial<ConnectionOptions> & { address: string; namespace: string }): Promise<Store> {
  checkNamespace(namespace);
  const connection = await connectRedis({ address, deadlineMs, clock, onError, onReady });
  const { redis, inTime, knownServerNowMs, serverNowMs, runId } = connection;

  const tokenPrefix = `${namespace}:tag:`;
  const tokenKey = (tag: string): string => tokenPrefix + tag;
  const asked = batchCalls({ connection, tokenKey });

  /** All keys of the namespace, some at a time, and how many of them are values. */
  const scanned = async function* (): AsyncGenerator<{ keys: string[]; values: number }> {
    for await (const keys of scan(connection, `${namespace}:*`)) {
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
        return () => ({ isStored: reply() === 1, tokens: tokens() });
      });
    },

    renew: (key, { lease, leaseMs }) => ran(renewScript, withLease(key), [lease, leaseMs]),

    release: (key, { lease, openMs }) => ran(releaseScript, withLease(key), [lease, openMs]),

    async dropTokens(tags) {
      await inTime(redis.unlink(tags.map(tokenKey))).catch(rethrow);
    },

    async clear() {
      let keysRemoved = 0;
      for await (const { keys, values } of scanned()) {
        keysRemoved += values;
        await inTime(redis.unlink(keys)).catch(rethrow);
      }
      return keysRemoved;
    },

    async usage() {
      let keys = 0;
      for await (const { values } of scanned()) keys += values;
      const [, bytes = '0'] = /^used_memory:(\d+)/m.exec(await inTime(redis.info('memory')).catch(rethrow)) ?? [];
      return { keys, memoryUsed: Number(bytes) };
    },

    track: (ears) => trackTokens({ address, prefix: tokenPrefix, redis }, ears),

    async ping() {
      await inTime(redis.ping());
    },

    async close() {
      redis.disconnect();
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
async function* scan({ redis, inTime }: RedisConnection, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await inTime(redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount)).catch(rethrow);
    cursor = next;
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}
