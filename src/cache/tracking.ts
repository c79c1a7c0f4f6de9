/**
 * Which tokens change, as Redis tells it: client tracking in broadcasting mode, for the prefix of the tokens' keys, on a
 * connection of its own.
 *
 * - RESP2 with a redirection to itself: under RESP3 ioredis drops these messages without a word.
 * - ioredis does not turn tracking on again after a reconnect, so each `ready` does it.
 * - Redis sends one message for all that has changed in a turn of its loop, of this prefix, whatever the order in it: the
 *   tokens are told before the probe. `null` says that everything was removed.
 * - A probe has a name of its own and ends by itself; the message of its end comes under the same name and proves no more.
 *
 * Source: https://redis.io/docs/latest/develop/reference/client-side-caching/
 */
import { randomBytes } from 'node:crypto';
import type { ChainableCommander, Redis, RedisOptions } from 'ioredis';
import type { TokenEars, TokenTracking } from './coherence.ts';
import { openRedis } from './redis-opening.ts';
import type { ReachOptions } from './redis-target.ts';
import { internalMark } from './tags.ts';

const options = {
  autoResubscribe: false,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1_000,
  commandTimeout: 1_000,
  // The farewell of a connection that is dead is not waited for.
  disconnectTimeout: 20,
  // Fewer round trips until it is listened to; a server that loads refuses the probes.
  enableReadyCheck: false,
  disableClientInfo: true,
  retryStrategy: (attempt: number) => Math.min(10 * 2 ** attempt, 1_000),
} as const satisfies RedisOptions;

const channel = '__redis__:invalidate';
const replacedPrefix = `${internalMark}=`;
/** Keys that are set to be heard of, and for nothing else, end after this. */
const heardTtlMs = 1_000;

/** Tells all who track the tokens of `prefix` that there is another value at `key`. */
export function addReplaced(commands: ChainableCommander, prefix: string, key: string): ChainableCommander {
  return commands.set(prefix + replacedPrefix + key, '', 'PX', heardTtlMs);
}

/**
 * @param options.reach As the store's own.
 * @param options.redis The store's own connection, which writes the probes: what is proven is what *it* reads.
 */
export function trackTokens(
  { reach, prefix, redis }: { reach: ReachOptions; prefix: string; redis: Redis },
  ears: TokenEars,
): TokenTracking {
  // The store's own connection reports that Redis cannot be reached.
  const tracker = openRedis(reach, { settings: options, onError: () => {} });
  const probePrefix = `${internalMark}${randomBytes(9).toString('base64url')}:`;
  let isSubscribed = false;
  let isClosed = false;
  /** Grows with each connection, so that what was begun on an earlier one has no say. */
  let connection = 0;

  const arm = async (): Promise<void> => {
    connection += 1;
    const mine = connection;
    try {
      const id = String(await tracker.client('ID'));
      await tracker.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', prefix);
      await tracker.subscribe(channel);
      if (mine !== connection) return;
      isSubscribed = true;
      if (redis.status === 'ready') ears.listening();
    } catch (error) {
      if (mine !== connection || isClosed) return;
      const isRefused = error instanceof Error && error.name === 'ReplyError';
      tracker.disconnect(!isRefused);
      if (isRefused) ears.refused(error);
    }
  };

  const hear = (_channel: Buffer, keys: unknown): void => {
    if (!Array.isArray(keys)) return ears.changed(undefined);
    const names = keys.map((key) => String(key).slice(prefix.length));
    ears.changed(names.filter((name) => !name.startsWith(internalMark)));
    for (const name of names) if (name.startsWith(replacedPrefix)) ears.replaced(name.slice(replacedPrefix.length));
    for (const name of names) if (name.startsWith(probePrefix)) ears.heard(Number(name.slice(probePrefix.length)));
  };

  const ordinaryReady = (): void => {
    if (isSubscribed) ears.listening();
  };
  const ordinaryClosed = (): void => ears.deaf();
  redis.on('ready', ordinaryReady);
  redis.on('close', ordinaryClosed);
  tracker.on('messageBuffer', hear);
  tracker.on('ready', () => void arm());
  tracker.on('close', () => {
    connection += 1;
    isSubscribed = false;
    if (!isClosed) ears.deaf();
  });
  const connect = (): void => void tracker.connect().catch(() => {}); // ioredis goes on trying
  connect();

  return {
    async probe(number) {
      await redis.set(prefix + probePrefix + number, '', 'PX', heardTtlMs);
    },
    reconnect() {
      if (tracker.status === 'end') connect();
      else tracker.disconnect(true);
    },
    close() {
      isClosed = true;
      redis.off('ready', ordinaryReady);
      redis.off('close', ordinaryClosed);
      tracker.disconnect();
    },
  };
}
