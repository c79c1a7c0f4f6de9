/**
 * The connection for the store's commands, with ioredis 6 over RESP2, and what is known of the server: its clock, and its run
 * id.
 *
 * Nothing waits for Redis: no offline queue, no retries, a deadline for every command. ioredis' own deadlines are not used: its
 * timers run before received data is read, so a busy process would discard replies that it has received.
 */
import type { ChainableCommander, Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../../base/clock.ts';
import { CacheError } from '../../base/errors.ts';
import { ReadonlyBackoff } from './readonly-backoff.ts';
import { isReadonly, rethrow } from './connection-fault.ts';
import { openRedis } from './open-connection.ts';
import { RedisSilence } from './silence.ts';
import type { ReachOptions } from './target.ts';
import { ResponsiveClock } from '../responsive-clock.ts';
import { ServerClock } from './server-clock.ts';

const options = {
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1_000,
  // Without a connection, a closed store would keep the process alive for this long.
  disconnectTimeout: 20,
  enableAutoPipelining: false,
  retryStrategy: (attempt: number) => Math.min(50 * 2 ** attempt, 1_000),
} as const satisfies RedisOptions;

interface ConnectionOptions {
  reach: ReachOptions;
  deadlineMs: number;
  clock: Clock;
  onError: (error: CacheError) => void;
  onReady: () => void;
}

export interface RedisConnection {
  readonly redis: Redis;
  /**
   * Returns the reply to a command. Rejects with `STORE_UNAVAILABLE`, and the reason, while there is no connection, and if the
   * reply takes twice the deadline of a fetch.
   */
  readonly send: <T>(command: (redis: Redis) => Promise<T>) => Promise<T>;
  /** Returns the replies to `commands`, with which questions to the server itself are sent along. */
  readonly runEach: (commands: ChainableCommander) => Promise<Reply[]>;
  /** Must be called after a successful write. */
  readonly wrote: () => void;
  /** The server's time in milliseconds since 1970; undefined if the server has to be asked. */
  readonly knownServerNowMs: () => number | undefined;
  /** The server's time in milliseconds since 1970. */
  readonly serverNowMs: () => Promise<number>;
  /** The id of the server's run; undefined if the server has to be asked. */
  readonly knownRunId: () => string | undefined;
  /** Changes after a restart or a failover: distinguishes what was created during this run from what came from a dump. */
  readonly runId: () => Promise<string>;
}

/** The result of a command: its fault or its reply. */
export type Reply = readonly [fault: Error | null, answer: unknown];

/** Connects. Each failure is reported to `onError`, and the attempt is repeated. */
export async function connectRedis(connecting: ConnectionOptions): Promise<RedisConnection> {
  const { reach, deadlineMs, clock, onError, onReady } = connecting;
  const backoff = new ReadonlyBackoff(clock);
  const reconnectOnError = (error: Error): boolean => isReadonly(error) && backoff.isDue();
  let reason = 'not connected yet';
  const report = (error: CacheError): void => {
    reason = error.message;
    onError(error);
  };
  const redis = openRedis(reach, {
    settings: { ...options, reconnectOnError },
    onError: report,
  });
  reportClosed(redis, report);
  const deadlineClock = new ResponsiveClock(clock);
  const silence = new RedisSilence(redis, deadlineClock);
  const serverClock = new ServerClock(clock);
  let runId: string | undefined;
  redis.on('ready', onReady);
  // The next connection may be to another server.
  redis.on('close', () => {
    serverClock.forget();
    runId = undefined;
  });
  await redis.connect().catch(() => {}); // reported to onError; ioredis tries again

  const send = <T>(command: (client: Redis) => Promise<T>): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      if (redis.status !== 'ready') throw new CacheError('STORE_UNAVAILABLE', `no connection to Redis: ${reason}`);
      const giveUp = (): void => reject(new Error(`no reply within ${2 * deadlineMs} ms`));
      const cancel = deadlineClock.after(2 * deadlineMs, giveUp);
      const heard = silence.begin(); // also counts after this call has timed out
      command(redis)
        .then(resolve, reject)
        .finally(() => (cancel(), heard()));
    }).catch(rethrow);

  const runEach = async (commands: ChainableCommander): Promise<Reply[]> => {
    const isTimeDue = serverClock.isDue;
    const isRunDue = runId === undefined;
    if (isTimeDue) commands.time();
    if (isRunDue) commands.info('server');
    const replies: Reply[] | null = await send(() => commands.exec());
    if (replies === null) throw new Error('the pipeline was discarded');
    if (isRunDue) runId = runIdIn(replyOf(replies.pop()));
    if (isTimeDue) serverClock.observe(replyOf(replies.pop()) as string[]);
    return replies;
  };

  return {
    redis,
    send,
    runEach,
    wrote: () => backoff.reset(),
    knownServerNowMs: () => serverClock.nowMs(),
    serverNowMs: async () => serverClock.nowMs() ?? serverClock.observe(await send((client) => client.time())),
    knownRunId: () => runId,
    runId: async () => (runId ??= runIdIn(await send((client) => client.info('server')))),
  };
}

/**
 * Reports the end of a connection that had no error: a server that shuts down closes its connections, and may be back before the first
 * attempt to reconnect.
 */
function reportClosed(redis: Redis, report: (error: CacheError) => void): void {
  let isReported = true;
  redis.on('ready', () => (isReported = false));
  redis.on('error', () => (isReported = true));
  redis.on('reconnecting', () => {
    if (!isReported) report(new CacheError('STORE_UNAVAILABLE', 'Redis has closed the connection'));
    isReported = true;
  });
}

/** 48 of its 160 bits: enough to distinguish any two runs. */
function runIdIn(info: unknown): string {
  return /^run_id:(\w{12})/m.exec(String(info))?.[1] ?? 'unknown';
}

/**
 * Returns the reply to a command.
 *
 * @throws Its fault. WRONGTYPE is not a fault: another program keeps something at the key, which is not an entry.
 */
export function replyOf([fault, answer]: Reply = [null, undefined]): unknown {
  if (fault !== null && isFault([fault, answer])) rethrow(fault);
  return fault === null ? answer : undefined;
}

/** Whether `replyOf` throws. */
export function isFault([fault]: Reply): boolean {
  return fault !== null && !fault.message.startsWith('WRONGTYPE');
}
