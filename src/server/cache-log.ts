/** What of the cache's doings stands in the log: faults and surprises as warnings, every hit and miss at `debug`. */
import { GraphQLError } from 'graphql';
import type { Cache, CacheEvent, Clock } from '../cache/index.ts';
import { safeError, type Log } from './log.ts';
import { outsideRequests } from './http/request-scope.ts';

/** A sick store fails every request, and a field without a key each of a list: one line a second says enough. */
const warningEveryMs = 1_000;
const often = new Set<CacheEvent['type']>(['store-failed', 'store-slow', 'lease-timeout', 'uncached', 'write-refused']);
/** What every request does: nothing is made of it where nobody reads it. */
const details = new Set<CacheEvent['type']>(['hit', 'miss', 'shared', 'bypass', 'refresh', 'load', 'write']);
/** A memory tier that is left out for less than this is not worth a line. */
const unprovenMsMin = 1_000;

export function logCacheEvents(cache: Cache, log: Log, after: Clock['after'] = afterMs): void {
  const toldMs = new Map<string, number>();
  /** Whether a warning of this kind is due. */
  const isDue = (kind: string): boolean => {
    const nowMs = performance.now();
    if (nowMs - (toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) < warningEveryMs) return false;
    toldMs.set(kind, nowMs);
    return true;
  };
  const logMemory = memoryLog(log, after);
  cache.on((event) => {
    if (details.has(event.type) && !log.isLevelEnabled('debug')) return;
    if (event.type === 'memory-proven' || event.type === 'memory-unproven') return logMemory(event.type);
    const isOften = often.has(event.type);
    const subject = 'field' in event ? event.field : 'operation' in event ? event.operation : '';
    if (isOften && !isDue(event.type + subject)) return;
    // The breaker's pings carry on from the request that opened it.
    if (event.type === 'breaker-opened' || event.type === 'breaker-closed') outsideRequests(() => logEvent(event, log));
    else logEvent(event, log);
  });
}

/** Says what lasts: a connection that is made anew leaves the memory tier out for some milliseconds. */
function memoryLog(log: Log, after: Clock['after']): (change: 'memory-proven' | 'memory-unproven') => void {
  let isSaidToAnswer = false;
  let cancel = (): void => {};
  return (change) => {
    cancel();
    if (change === 'memory-unproven') {
      cancel = after(unprovenMsMin, () => {
        isSaidToAnswer = false;
        log.warn('the memory tier is left out: it is not known what changes in Redis');
      });
    } else if (!isSaidToAnswer) {
      isSaidToAnswer = true;
      log.info('the memory tier answers: Redis tells what changes');
    }
  };
}

function afterMs(delayMs: number, task: () => void): () => void {
  const timer = setTimeout(() => outsideRequests(task), delayMs).unref();
  return () => clearTimeout(timer);
}

function logEvent(event: CacheEvent, log: Log): void {
  switch (event.type) {
    case 'store-failed':
      return log.warn({ operation: event.operation, reason: messageOf(event.error) }, 'the cache store failed');
    case 'store-slow':
      return log.warn({ operation: event.operation }, 'the cache store is slow: a request did not wait for it');
    case 'lease-timeout':
      return log.warn(
        { field: event.field, waitMs: event.waitMs },
        'another process loads for too long: not waited for',
      );
    case 'breaker-opened':
      return log.warn('the cache store fails too often: answering without it until it is back');
    case 'breaker-closed':
      return log.info('the cache store is back');
    case 'tracking-refused':
      return log.warn(
        { reason: messageOf(event.error) },
        'the memory tier is off: Redis does not tell what changes; the next try is in a minute',
      );
    case 'uncached':
      return log.warn({ field: event.field, reason: messageOf(event.error) }, 'answered without the cache');
    case 'write-refused':
      return log.warn(
        {
          field: event.field,
          reason: event.reason,
          ...(event.what === undefined ? {} : { what: event.what }),
          ...(event.error === undefined ? {} : { why: messageOf(event.error) }),
        },
        'answered, not stored',
      );
    case 'flush':
      return log.info({ keysRemoved: event.keysRemoved }, 'cache flushed');
    case 'invalidate':
      return log.info({ tags: event.tags }, 'cache invalidated');
    case 'load-failed':
      return log.debug({ field: event.field, reason: messageOf(event.error) }, 'cache load failed');
    default: {
      const { type, ...rest } = event;
      return log.debug(rest, `cache ${type}`);
    }
  }
}

/** What happened, without the values that clients sent: those are in the messages of errors that are made for them. */
function messageOf(error: unknown): string {
  if (error instanceof GraphQLError) return JSON.stringify(error.extensions['code'] ?? error.name);
  return error instanceof Error ? safeError(error).message : typeof error;
}
