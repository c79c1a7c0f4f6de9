/**
 * The connection that the store's commands go through, through ioredis 6 over RESP2, and what is known of the server at
 * its other end: its clock, and which run of which server it is.
 *
 * Nothing waits for Redis: no offline queue, no retries, a deadline on every command. It is ours and not ioredis', whose
 * timers run before what has arrived is read: a process that was busy would give up answers that it has.
 */
import { Redis, type ChainableCommander, type RedisOptions } from 'ioredis';
import type { Clock } from './clock.ts';
import { CacheError } from './errors.ts';
import { ResponsiveClock } from './responsive-clock.ts';
import { ServerClock } from './server-clock.ts';

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
const readonlyReconnectMs = 60_000;

export interface ConnectionOptions {
  address: string;
  deadlineMs: number;
  clock: Clock;
  onError: (error: Error) => void;
  onReady: () => void;
}

export interface RedisConnection {
  readonly redis: Redis;
  /** The reply to a command; rejects where it takes twice the deadline of a fetch. */
  readonly inTime: <T>(reply: Promise<T>) => Promise<T>;
  /** The replies to `commands`, which take along what is to be asked of the server itself. */
  readonly runEach: (commands: ChainableCommander) => Promise<Reply[]>;
  /** The server's time in milliseconds since 1970; undefined where it would have to be asked. */
  readonly knownServerNowMs: () => number | undefined;
  /** The server's time in milliseconds since 1970. */
  readonly serverNowMs: () => Promise<number>;
  /** The id of the server's run; undefined where it would have to be asked. */
  readonly knownRunId: () => string | undefined;
  /** Another one after a restart or a failover; it tells what was made on this run from what came out of a dump. */
  readonly runId: () => Promise<string>;
}

/** What came of a command: its fault, or what was answered. */
export type Reply = readonly [fault: Error | null, answer: unknown];

/** Connects; where that fails it is said to `onError`, and tried again and again. */
export async function connectRedis({
  address,
  deadlineMs,
  clock,
  onError,
  onReady,
}: ConnectionOptions): Promise<RedisConnection> {
  const reconnectOnError = givingUpReadonly(clock);
  const redis = new Redis(address, { ...options, reconnectOnError });
  const serverClock = new ServerClock(clock);
  let runId: string | undefined;
  redis.on('error', onError);
  redis.on('ready', onReady);
  // The next connection may be to another server.
  redis.on('close', () => {
    serverClock.forget();
    runId = undefined;
  });
  await redis.connect().catch(() => {}); // said to onError; ioredis goes on trying

  const deadlineClock = new ResponsiveClock(clock);
  const inTime = <T>(reply: Promise<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const giveUp = (): void => reject(new Error(`no reply within ${2 * deadlineMs} ms`));
      const cancel = deadlineClock.after(2 * deadlineMs, giveUp);
      reply.then(resolve, reject).finally(cancel);
    });

  const runEach = async (commands: ChainableCommander): Promise<Reply[]> => {
    const isTimeDue = serverClock.isDue;
    const isRunDue = runId === undefined;
    if (isTimeDue) commands.time();
    if (isRunDue) commands.info('server');
    const replies: Reply[] | null = await inTime(commands.exec());
    if (replies === null) throw new Error('the pipeline was discarded');
    if (isRunDue) runId = runIdIn(replyOf(replies.pop()));
    if (isTimeDue) serverClock.hear(replyOf(replies.pop()) as string[]);
    return replies;
  };

  return {
    redis,
    inTime,
    runEach,
    knownServerNowMs: () => serverClock.nowMs(),
    async serverNowMs() {
      return serverClock.nowMs() ?? serverClock.hear(await inTime(redis.time()).catch(rethrow));
    },
    knownRunId: () => runId,
    async runId() {
      return (runId ??= runIdIn(await inTime(redis.info('server')).catch(rethrow)));
    },
  };
}

/** 48 of its 160 bits: enough that no two runs are mistaken for one. */
function runIdIn(info: unknown): string {
  return /^run_id:(\w{12})/m.exec(String(info))?.[1] ?? 'unknown';
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

/**
 * What was answered to a command.
 *
 * @throws Its fault. WRONGTYPE is none: somebody keeps something else at the key, which is no value of ours.
 */
export function replyOf([fault, answer]: Reply = [null, undefined]): unknown {
  if (fault !== null && !fault.message.startsWith('WRONGTYPE')) rethrow(fault);
  return fault === null ? answer : undefined;
}

/** @throws {CacheError} `STORE_REFUSED` or `STORE_FULL` for an answer of the server, else `error` itself. */
export function rethrow(error: unknown): never {
  if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
  const isCommandForbidden = error.message.startsWith('NOPERM') && error.message.includes('command');
  const message = isCommandForbidden ? `${error.message}; Redis must allow its user ${commandsNeeded}` : error.message;
  const code = /^(OOM|READONLY|MISCONF) /.test(error.message) ? 'STORE_FULL' : 'STORE_REFUSED';
  throw new CacheError(code, message, { cause: error });
}

/** What a user of Redis with an access list must be allowed, beside the keys of the namespace. */
const commandsNeeded =
  'GET, GETRANGE, STRLEN, PTTL, MGET, SET, DEL, UNLINK, PEXPIRE, EVAL, EVALSHA, SCAN, INFO, TIME and PING';
