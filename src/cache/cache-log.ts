/**
 * Where the cache writes what its user should know: `pino`'s interface, of which it needs `warn` alone. Messages name the
 * field, the reason and what to do; there are no values, arguments or passwords in them.
 */
export interface CacheLog {
  /** At most one line a minute of each kind. */
  warn(fields: object, message: string): void;
  /** What was invalidated and flushed, and that a fault is over. Where there is none, the latter is a warning. */
  info?(fields: object, message: string): void;
  /** Each hit, miss, load and write, where `isLevelEnabled('debug')`. */
  debug?(fields: object, message: string): void;
  isLevelEnabled?(level: string): boolean;
}

/** Writes each message as a line of text by `console.warn`. */
export function consoleLog(out: Pick<Console, 'warn'> = console): CacheLog {
  return { warn: (_fields, message) => out.warn(`cachepot: ${message}`) };
}
