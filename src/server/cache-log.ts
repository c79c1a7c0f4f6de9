/** What of the cache's doings stands in the log: faults and surprises as warnings, every hit and miss at `debug`. */
import type { Cache, CacheEvent } from '../cache/index.ts';
import type { Log } from './log.ts';

/** A sick store fails every request; one line a second says enough. */
const storeFailureEveryMs = 1_000;

export function logCacheEvents(cache: Cache, log: Log): void {
  let storeFailureToldMs = Number.NEGATIVE_INFINITY;
  cache.on((event) => {
    if (event.type !== 'store-failed') return logEvent(event, log);
    if (performance.now() - storeFailureToldMs < storeFailureEveryMs) return;
    storeFailureToldMs = performance.now();
    log.warn({ operation: event.operation, reason: messageOf(event.error) }, 'the cache store failed');
  });
}

function logEvent(event: CacheEvent, log: Log): void {
  switch (event.type) {
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
