import type { CacheLog } from '../cache/index.ts';
import { outsideRequests } from './request-scope.ts';
import type { Log } from './log.ts';

/** What the cache logs. A line about one field has the id of its request; the others belong to no request. */
export function cacheLogOf(log: Log): CacheLog {
  const isAboutRequest = (fields: object): boolean => 'field' in fields && !('times' in fields);
  const writing =
    (level: 'warn' | 'info'): CacheLog['warn'] =>
    (fields, message) => {
      if (isAboutRequest(fields)) log[level](fields, message);
      else outsideRequests(() => log[level](fields, message));
    };
  return {
    warn: writing('warn'),
    info: writing('info'),
    debug: (fields, message) => log.debug(fields, message),
    isLevelEnabled: (level) => log.isLevelEnabled(level),
  };
}
