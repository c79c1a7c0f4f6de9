/** What of the cache's doings stands in the log: faults and surprises as warnings, every hit and miss at `debug`. */
import type { Cache, CacheEvent } from '../cache/index.ts';
import type { Log } from './log.ts';

/** A sick store fails every request, and a field without a key each of a list: one line a second says enough. */
const warningEveryMs = 1_000;

export function logCacheEvents(cache: Cache, log: Log): void {
  const toldMs = new Map<string, number>();
  /** Whether a warning of this kind is due. */
  const isDue = (kind: string): boolean => {
    const nowMs = performance.now();
    if (nowMs - (toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) < warningEveryMs) return false;
    toldMs.set(kind, nowMs);
    return true;
  };
  cache.on((event) => {
    const isOften = event.type === 'store-failed' || event.type === 'uncached' || event.type === 'write-refused';
    if (isOften && !isDue(event.type + ('field' in event ? event.field : event.operation))) return;
    logEvent(event, log);
  });
}

function logEvent(event: CacheEvent, log: Log): void {
  switch (event.type) {
    case 'store-failed':
      return log.warn({ operation: event.operation, reason: messageOf(event.error) }, 'the cache store failed');
    case 'breaker-opened':
      return log.warn('the cache store fails too often: answering without it until it is back');
    case 'breaker-closed':
      return log.info('the cache store is back');
    case 'uncached':
      return log.warn({ field: event.field, reason: messageOf(event.error) }, 'answered without the cache');
    case 'write-refused':
      return log.warn(
        {
          field: event.field,
          reason: event.reason,
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
