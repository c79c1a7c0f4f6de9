/**
 * Where the cache writes what its user should know: `pino`'s interface, of which it needs `warn` alone. Messages name the
 * field, the reason and what to do; they contain no values, arguments or passwords.
 */
export interface CacheLog {
  /** At most one line per minute and kind. */
  warn(fields: object, message: string): void;
  /** Invalidations, flushes, and the end of a fault. Without this method, the end of a fault is written by `warn`. */
  info?(fields: object, message: string): void;
  /** Each hit, miss, load and write, where `isLevelEnabled('debug')`. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: string): boolean;
}

/** Writes each message as a line of text by `console.warn`. */
export function consoleLog(out: Pick<Console, 'warn'> = console): CacheLog {
  return { warn: (_fields, message) => out.warn(`cachepot: ${message}`) };
}
