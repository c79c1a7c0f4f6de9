/**
 * Receives which tokens change: client tracking in broadcasting mode, for the prefix of the tokens' keys, on a connection of its
 * own.
 *
 * - RESP2 with a redirection to the connection itself: under RESP3, ioredis silently drops these messages.
 * - ioredis does not enable tracking again after a reconnect, so every `ready` does it.
 * - Redis sends one message per prefix for everything that has changed in one cycle of its event loop. The keys in a message have
 *   no order, so this class reports its tokens first and its heartbeat last. `null` means that everything was removed.
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
  return commands.set(replacedKey(prefix, key), '', 'PX', heartbeatTtlMs);
}

export function replacedKey(prefix: string, key: string): string {
  return prefix + tokenNameOf(replacedPrefix + key);
}

interface Tracking {
  /** The options of the store's own connections. */
  readonly reach: ReachOptions;
  readonly prefix: string;
  /** The store's own connection: heartbeats show what *its* reads may have missed. */
  readonly redis: Redis;
  /** Sets `key` for `ttlMs` over `redis`; resolves to whether it was set in the database that this process has worked in. */
  readonly setHeartbeat: (key: string, ttlMs: number) => Promise<boolean>;
  /** Calls `listener` when another database has replaced that one; the returned function ends that. */
  readonly onDatabase: (listener: () => void) => () => void;
}

/** Starts listening, on a connection that is opened at once and again whenever it breaks. */
export function trackTokens(tracking: Tracking, listener: TokenListener): TokenTracking {
  return new TokenTracker(tracking, listener);
}

class TokenTracker implements TokenTracking {
  readonly #parts: Tracking;
  readonly #listener: TokenListener;
  readonly #tracker: Redis;
  readonly #heartbeatPrefix = `${internalMark}${randomBytes(9).toString('base64url')}:`;
  /** Heartbeats that were received before it is known in which database they were set, or the other way round. */
  readonly #partlyConfirmed = new Map<number, 'sent' | 'reported' | 'set'>();
  readonly #ends: (() => void)[] = [];
  #isSubscribed = false;
  #isClosed = false;
  /** Grows with each connection, so that work begun on an earlier one has no effect. */
  #connection = 0;

  constructor(parts: Tracking, listener: TokenListener) {
    this.#parts = parts;
    this.#listener = listener;
    // The store's own connection reports that Redis cannot be reached.
    this.#tracker = openRedis(parts.reach, { settings: options, onError: () => {} });
    const { redis, onDatabase } = parts;
    const begin = (): void => this.#begin();
    const ordinaryClosed = (): void => listener.onDisconnected();
    redis.on('ready', begin);
    redis.on('close', ordinaryClosed);
    this.#ends.push(onDatabase(begin), () => redis.off('ready', begin).off('close', ordinaryClosed));
    this.#tracker.on('messageBuffer', (_channel: Buffer, keys: unknown) => this.#onMessage(keys));
    this.#tracker.on('ready', () => void this.#arm());
    this.#tracker.on('close', () => {
      this.#connection += 1;
      this.#isSubscribed = false;
      if (!this.#isClosed) listener.onDisconnected();
    });
    this.#connect();
  }

  async sendHeartbeat(number: number): Promise<void> {
    const { prefix, setHeartbeat } = this.#parts;
    const heartbeats = this.#partlyConfirmed;
    heartbeats.set(number, 'sent');
    try {
      const isConfirmation = await setHeartbeat(prefix + tokenNameOf(this.#heartbeatPrefix + number), heartbeatTtlMs);
      if (isConfirmation && heartbeats.get(number) === 'sent') heartbeats.set(number, 'set');
      else if (isConfirmation && heartbeats.has(number)) this.#confirm(number);
      else heartbeats.delete(number);
    } catch (error) {
      heartbeats.delete(number);
      throw error;
    }
  }

  reconnect(): void {
    if (this.#tracker.status === 'end') this.#connect();
    else this.#tracker.disconnect(true);
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#ends) end();
    this.#tracker.disconnect();
  }

  #connect(): void {
    this.#tracker.connect().catch(() => {}); // ioredis tries again
  }

  /** Enables tracking on a new connection. */
  async #arm(): Promise<void> {
    this.#connection += 1;
    const mine = this.#connection;
    try {
      const id = String(await this.#tracker.client('ID'));
      const { prefix } = this.#parts;
      await this.#tracker.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, 'BCAST', 'PREFIX', prefix);
      await this.#tracker.subscribe(channel);
      if (mine !== this.#connection) return;
      this.#isSubscribed = true;
      this.#begin();
    } catch (error) {
      if (mine !== this.#connection || this.#isClosed) return;
      const isRefused = error instanceof Error && error.name === 'ReplyError';
      this.#tracker.disconnect(!isRefused);
      if (isRefused) this.#listener.onRefused(error);
    }
  }

  #begin(): void {
    this.#partlyConfirmed.clear();
    if (this.#isSubscribed && this.#parts.redis.status === 'ready') this.#listener.onConnected();
  }

  /** @param keys Those that have changed; null if everything was removed. */
  #onMessage(keys: unknown): void {
    if (!Array.isArray(keys)) return this.#listener.onChanged(undefined);
    const names = keys.map((key) => tagOf(String(key).slice(this.#parts.prefix.length)));
    this.#listener.onChanged(names.filter((name) => !name.startsWith(internalMark)));
    for (const name of names)
      if (name.startsWith(replacedPrefix)) this.#listener.onReplaced(name.slice(replacedPrefix.length));
    for (const name of names)
      if (name.startsWith(this.#heartbeatPrefix)) this.#onReported(Number(name.slice(this.#heartbeatPrefix.length)));
  }

  #onReported(heartbeat: number): void {
    if (this.#partlyConfirmed.get(heartbeat) === 'set') this.#confirm(heartbeat);
    else if (this.#partlyConfirmed.has(heartbeat)) this.#partlyConfirmed.set(heartbeat, 'reported');
  }

  #confirm(heartbeat: number): void {
    this.#partlyConfirmed.delete(heartbeat);
    this.#listener.onHeartbeat(heartbeat);
  }
}
