/**
 * The store on Redis, through ioredis 6 over RESP2.
 *
 * Nothing waits for Redis: no offline queue, no retries, a deadline on every command. A command that timed out may still
 * run later; that is harmless, because a value is taken only while the tokens it is stamped with stand, and ends at the
 * time that its writer has named.
 */
import { randomUUID } from 'node:crypto';
import { Redis, type ChainableCommander, type RedisOptions } from 'ioredis';
import { systemClock, type Clock } from './clock.ts';
import { CacheError } from './errors.ts';
import { ServerClock } from './server-clock.ts';
import { checkNamespace, tokenTtlMs, type Store } from './store.ts';

const options = {
  protocol: 2,
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1_000,
  socketTimeout: 1_000,
  enableAutoPipelining: false,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
} as const satisfies RedisOptions;

/** How often at most a connection is given up because its Redis does not let us write. */
const readonlyReconnectMs = 5_000;

/** Keys that one SCAN step looks at; each batch is one UNLINK. */
const scanCount = 500;

interface ConnectionOptions {
  address: string;
  deadlineMs?: number;
  clock?: Clock;
  onError?: (error: Error) => void;
  onReady?: () => void;
}

/**
 * A store on the Redis at `address`. It connects at once and reconnects by itself; until it is connected every call
 * rejects, so a process starts without Redis.
 *
 * @param options.address `redis://`, `rediss://`, or the path of a Unix socket.
 * @param options.namespace First part of every key, 1…32 of `a-z 0-9 _ -`. Two programs on one Redis differ in it.
 * @param options.deadlineMs The deadline of a single command, 100 ms unless told otherwise.
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
}: ConnectionOptions & { namespace: string }): Promise<Store> {
  checkNamespace(namespace);
  const { redis, run, serverNowMs } = await connect({ address, deadlineMs, clock, onError, onReady });

  const tokenPrefix = `${namespace}:tag:`;
  const tokenKey = (tag: string): string => tokenPrefix + tag;

  /** A token that stands is kept and lives on; a missing one is made. */
  const captured = async (tags: readonly string[]): Promise<(string | undefined)[]> => {
    const commands = redis.pipeline();
    for (const tag of tags) {
      commands.set(tokenKey(tag), randomUUID(), 'PX', tokenTtlMs, 'NX').pexpire(tokenKey(tag), tokenTtlMs);
    }
    return tokensIn((await run(commands.mget(tags.map(tokenKey)))).at(-1));
  };

  return {
    namespace,
    tier: 'redis',

    async read(key, tags) {
      const [text, remainingMs, tokens] = await run(redis.pipeline().get(key).pttl(key).mget(tags.map(tokenKey)));
      const isAlive = typeof text === 'string' && typeof remainingMs === 'number' && remainingMs > 0;
      return {
        text: isAlive ? text : undefined,
        remainingMs: isAlive ? remainingMs : 0,
        tokens: tokensIn(tokens),
      };
    },

    async tokens(tags) {
      return tokensIn(await redis.mget(tags.map(tokenKey)).catch(refuse));
    },

    async capture(tags) {
      const tokens = await captured(tags);
      const lost = tags.filter((_, index) => tokens[index] === undefined);
      if (lost.length === 0) return tokens;
      // Evicted meanwhile, or something else stands at the key, which would be no token for ever.
      await redis.unlink(lost.map(tokenKey)).catch(refuse);
      return captured(tags);
    },

    async write(key, text, ttlMs) {
      const endsAtMs = Math.floor((await serverNowMs()) + ttlMs);
      await redis.set(key, text, 'PXAT', endsAtMs).catch(refuse);
    },

    async dropTokens(tags) {
      await redis.unlink(tags.map(tokenKey)).catch(refuse);
    },

    async clear() {
      let keysRemoved = 0;
      for await (const keys of scan(redis, `${namespace}:*`)) {
        keysRemoved += keys.filter((key) => !key.startsWith(tokenPrefix)).length;
        await redis.unlink(keys).catch(refuse);
      }
      return keysRemoved;
    },

    async usage() {
      let keys = 0;
      for await (const batch of scan(redis, `${namespace}:*`)) {
        keys += batch.filter((key) => !key.startsWith(tokenPrefix)).length;
      }
      const [, bytes = '0'] = /^used_memory:(\d+)/m.exec(await redis.info('memory').catch(refuse)) ?? [];
      return { keys, memoryUsed: Number(bytes) };
    },

    async ping() {
      await redis.ping();
    },

    async close() {
      redis.disconnect();
    },
  };
}

interface Connection {
  readonly redis: Redis;
  /** The replies to `commands`, which take the question for the server's time along where it is due. */
  readonly run: (commands: ChainableCommander) => Promise<unknown[]>;
  readonly serverNowMs: () => Promise<number>;
}

async function connect({
  address,
  deadlineMs,
  clock,
  onError,
  onReady,
}: Required<ConnectionOptions>): Promise<Connection> {
  const reconnectOnError = givingUpReadonly(clock);
  const redis = new Redis(address, { ...options, commandTimeout: deadlineMs, reconnectOnError });
  const serverClock = new ServerClock(clock);
  redis.on('error', onError);
  redis.on('ready', onReady);
  redis.on('close', () => serverClock.forget());
  await redis.connect().catch(() => {}); // said to onError; ioredis goes on trying
  return {
    redis,
    async run(commands) {
      if (!serverClock.isDue) return results(commands);
      const replies = await results(commands.time());
      serverClock.hear(replies.pop() as string[]);
      return replies;
    },
    async serverNowMs() {
      return serverClock.nowMs() ?? serverClock.hear(await redis.time().catch(refuse));
    },
  };
}

/**
 * After a failover the name leads to the new primary, so a connection to the old one, now READONLY, is given up. Where
 * the name leads to a replica for good that gains nothing, and each time loses the reads that are under way.
 */
function givingUpReadonly(clock: Clock): (error: Error) => boolean {
  let lastMs = -Infinity;
  return (error) => {
    if (!error.message.startsWith('READONLY') || clock.nowMs() - lastMs < readonlyReconnectMs) return false;
    lastMs = clock.nowMs();
    return true;
  };
}

/** What MGET answers, which takes a key of another type for a missing one. */
function tokensIn(reply: unknown): (string | undefined)[] {
  return (reply as (string | null)[]).map((token) => token ?? undefined);
}

/** Never KEYS: Redis may be shared, and KEYS stops it for everyone. */
async function* scan(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount).catch(refuse);
    cursor = next;
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/**
 * The replies of a pipeline.
 *
 * @throws The first fault. WRONGTYPE is none: somebody keeps something else at the key, which is no value of ours.
 */
async function results(commands: ChainableCommander): Promise<unknown[]> {
  const replies = await commands.exec();
  if (replies === null) throw new Error('the pipeline was discarded');
  return replies.map(([error, reply]) => {
    if (error !== null && !error.message.startsWith('WRONGTYPE')) refuse(error);
    return error === null ? reply : undefined;
  });
}

/** @throws {CacheError} `STORE_REFUSED` for an answer of the server, else `error` itself. */
function refuse(error: unknown): never {
  if (error instanceof Error && error.name === 'ReplyError') {
    throw new CacheError('STORE_REFUSED', error.message, { cause: error });
  }
  throw error;
}
