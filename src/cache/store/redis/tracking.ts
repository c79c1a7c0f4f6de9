/**
 * Which tokens change, as Redis tells it: client tracking in broadcasting mode, for the prefix of the tokens' keys, on a
 * connection of its own.
 *
 * - RESP2 with a redirection to itself: under RESP3 ioredis drops these messages without a word.
 * - ioredis does not turn tracking on again after a reconnect, so each `ready` does it.
 * - Redis sends one message for all that has changed in a turn of its loop, of this prefix, whatever the order in it: the
 *   tokens are told before the probe. `null` says that everything was removed.
 * - A probe has a name of its own and ends by itself; the message of its end comes under the same name and proves no more.
 * - It proves nothing where it was set in another database than before: SWAPDB is not told of.
 *
 * Source: https://redis.io/docs/latest/develop/reference/client-side-caching/
 */
import { randomBytes } from 'node:crypto';
import type { ChainableCommander, Redis, RedisOptions } from 'ioredis';
import type { TokenListener, TokenTracking } from '../token-tracking.ts';
import { openRedis } from './open-connection.ts';
import type { ReachOptions } from './target.ts';
import { internalMark } from '../../tags/tags.ts';
import { tagOf, tokenNameOf } from '../../tags/token-names.ts';

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
  return commands.set(prefix + tokenNameOf(replacedPrefix + key), '', 'PX', heardTtlMs);
}

interface Tracking {
  /** As the store's own. */
  readonly reach: ReachOptions;
  readonly prefix: string;
  /** The store's own connection: what is proven is what *it* reads. */
  readonly redis: Redis;
  /** Sets a key over it, which lives for `ttlMs`; whether it was set in the database that this process has worked in. */
  readonly setHeard: (key: string, ttlMs: number) => Promise<boolean>;
  /** Calls `listener` when another database is in the place of that one; the returned function ends that. */
  readonly onDatabase: (listener: () => void) => () => void;
}

export function trackTokens(
  { reach, prefix, redis, setHeard, onDatabase }: Tracking,
  ears: TokenListener,
): TokenTracking {
  // The store's own connection reports that Redis cannot be reached.
  const tracker = openRedis(reach, { settings: options, onError: () => {} });
  const probePrefix = `${internalMark}${randomBytes(9).toString('base64url')}:`;
  /** Probes that were told of before it is known in which database they were set, or the other way round. */
  const halfProven = new Map<number, 'sent' | 'told' | 'set'>();
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
      begin();
    } catch (error) {
      if (mine !== connection || isClosed) return;
      const isRefused = error instanceof Error && error.name === 'ReplyError';
      tracker.disconnect(!isRefused);
      if (isRefused) ears.onRefused(error);
    }
  };

  const hear = (_channel: Buffer, keys: unknown): void => {
    if (!Array.isArray(keys)) return ears.onChanged(undefined);
    const names = keys.map((key) => tagOf(String(key).slice(prefix.length)));
    ears.onChanged(names.filter((name) => !name.startsWith(internalMark)));
    for (const name of names) if (name.startsWith(replacedPrefix)) ears.onReplaced(name.slice(replacedPrefix.length));
    for (const name of names) if (name.startsWith(probePrefix)) told(Number(name.slice(probePrefix.length)));
  };

  const told = (probe: number): void => {
    if (halfProven.get(probe) === 'set') prove(probe);
    else if (halfProven.has(probe)) halfProven.set(probe, 'told');
  };
  const prove = (probe: number): void => {
    halfProven.delete(probe);
    ears.onHeartbeat(probe);
  };

  const begin = (): void => {
    halfProven.clear();
    if (isSubscribed && redis.status === 'ready') ears.onConnected();
  };
  const ordinaryClosed = (): void => ears.onDisconnected();
  const endOnDatabase = onDatabase(begin);
  redis.on('ready', begin);
  redis.on('close', ordinaryClosed);
  tracker.on('messageBuffer', hear);
  tracker.on('ready', () => void arm());
  tracker.on('close', () => {
    connection += 1;
    isSubscribed = false;
    if (!isClosed) ears.onDisconnected();
  });
  const connect = (): void => void tracker.connect().catch(() => {}); // ioredis goes on trying
  connect();

  return {
    async sendHeartbeat(number) {
      halfProven.set(number, 'sent');
      try {
        const isProof = await setHeard(prefix + tokenNameOf(probePrefix + number), heardTtlMs);
        if (isProof && halfProven.get(number) === 'sent') halfProven.set(number, 'set');
        else if (isProof && halfProven.has(number)) prove(number);
        else halfProven.delete(number);
      } catch (error) {
        halfProven.delete(number);
        throw error;
      }
    },
    reconnect() {
      if (tracker.status === 'end') connect();
      else tracker.disconnect(true);
    },
    close() {
      isClosed = true;
      redis.off('ready', begin);
      endOnDatabase();
      redis.off('close', ordinaryClosed);
      tracker.disconnect();
    },
  };
}
