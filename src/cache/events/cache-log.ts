/**
 * The log of a cache, with pino's interface; only `warn` is required. Messages name the field, the reason and what to do. They
 * contain no values, arguments or passwords.
 */
export interface CacheLog {
  /** At most one line per minute and kind. */
  warn(fields: object, message: string): void;
  /** Invalidations, flushes, and the end of a fault. Without this method, the end of a fault is logged by `warn`. */
  info?(fields: object, message: string): void;
  /** Every hit, miss, load and write, if `isLevelEnabled('debug')` returns true. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: string): boolean;
}

/** Writes each message as a line of text with `console.warn`. */
export function consoleLog(out: Pick<Console, 'warn'> = console): CacheLog {
  return { warn: (_fields, message) => out.warn(`cachepot: ${message}`) };
}
