/**
 * Receives which tokens change: client tracking in broadcasting mode, for the prefix of the tokens' keys, on a connection of its
 * own.
 *
 * - RESP2 with a redirection to the connection itself: under RESP3, ioredis silently drops these messages.
 * - ioredis does not enable tracking again after a reconnect, so every `ready` does it.
 * - Redis sends one message per prefix for everything that has changed in one cycle of its event loop, in any order: the tokens
 *   are reported before the heartbeat. `null` means that everything was removed.
 * - A heartbeat has a name of its own and expires by itself; the message of its expiry has the same name and shows nothing new.
 * - A heartbeat that was set in another database than before shows nothing: SWAPDB is not reported.
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
  // Closing a dead connection is not waited for.
  disconnectTimeout: 20,
  // Fewer round trips until changes are received; a server that is still loading refuses the heartbeats.
  enableReadyCheck: false,
  disableClientInfo: true,
  retryStrategy: (attempt: number) => Math.min(10 * 2 ** attempt, 1_000),
} as const satisfies RedisOptions;

const channel = '__redis__:invalidate';
const replacedPrefix = `${internalMark}=`;
/** Keys that are set only to be reported expire after this time. */
const heartbeatTtlMs = 1_000;

/** Reports to all processes that track the tokens of `prefix` that another value was stored at `key`. */
export function addReplaced(commands: ChainableCommander, prefix: string, key: string): ChainableCommander {
  return commands.set(prefix + tokenNameOf(replacedPrefix + key), '', 'PX', heartbeatTtlMs);
}

interface Tracking {
  /** The options of the store's own connections. */
  readonly reach: ReachOptions;
  readonly prefix: string;
  /** The store's own connection: heartbeats show what *its* reads may have missed. */
  readonly redis: Redis;
  /** Sets a key for `ttlMs` over it; resolves to whether that was in the database that this process has worked in. */
  readonly setHeartbeat: (key: string, ttlMs: number) => Promise<boolean>;
  /** Calls `listener` when another database has replaced that one; the returned function ends that. */
  readonly onDatabase: (listener: () => void) => () => void;
}

export function trackTokens(
  { reach, prefix, redis, setHeartbeat, onDatabase }: Tracking,
  listener: TokenListener,
): TokenTracking {
  // The store's own connection reports that Redis cannot be reached.
  const tracker = openRedis(reach, { settings: options, onError: () => {} });
  const heartbeatPrefix = `${internalMark}${randomBytes(9).toString('base64url')}:`;
  /** Heartbeats that were received before it is known in which database they were set, or the other way round. */
  const partlyConfirmed = new Map<number, 'sent' | 'reported' | 'set'>();
  let isSubscribed = false;
  let isClosed = false;
  /** Grows with each connection, so that work begun on an earlier one has no effect. */
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
      if (isRefused) listener.onRefused(error);
    }
  };

  const hear = (_channel: Buffer, keys: unknown): void => {
    if (!Array.isArray(keys)) return listener.onChanged(undefined);
    const names = keys.map((key) => tagOf(String(key).slice(prefix.length)));
    listener.onChanged(names.filter((name) => !name.startsWith(internalMark)));
    for (const name of names)
      if (name.startsWith(replacedPrefix)) listener.onReplaced(name.slice(replacedPrefix.length));
    for (const name of names)
      if (name.startsWith(heartbeatPrefix)) onReported(Number(name.slice(heartbeatPrefix.length)));
  };

  const onReported = (heartbeat: number): void => {
    if (partlyConfirmed.get(heartbeat) === 'set') confirm(heartbeat);
    else if (partlyConfirmed.has(heartbeat)) partlyConfirmed.set(heartbeat, 'reported');
  };
  const confirm = (heartbeat: number): void => {
    partlyConfirmed.delete(heartbeat);
    listener.onHeartbeat(heartbeat);
  };

  const begin = (): void => {
    partlyConfirmed.clear();
    if (isSubscribed && redis.status === 'ready') listener.onConnected();
  };
  const ordinaryClosed = (): void => listener.onDisconnected();
  const endOnDatabase = onDatabase(begin);
  redis.on('ready', begin);
  redis.on('close', ordinaryClosed);
  tracker.on('messageBuffer', hear);
  tracker.on('ready', () => void arm());
  tracker.on('close', () => {
    connection += 1;
    isSubscribed = false;
    if (!isClosed) listener.onDisconnected();
  });
  const connect = (): void => void tracker.connect().catch(() => {}); // ioredis tries again
  connect();

  return {
    async sendHeartbeat(number) {
      partlyConfirmed.set(number, 'sent');
      try {
        const isConfirmation = await setHeartbeat(prefix + tokenNameOf(heartbeatPrefix + number), heartbeatTtlMs);
        if (isConfirmation && partlyConfirmed.get(number) === 'sent') partlyConfirmed.set(number, 'set');
        else if (isConfirmation && partlyConfirmed.has(number)) confirm(number);
        else partlyConfirmed.delete(number);
      } catch (error) {
        partlyConfirmed.delete(number);
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
