/**
 * There was no connection to PostgreSQL, or the one in use was lost; `cause` says why.
 *
 * node-postgres gives some of these failures no code (the pool's timeouts, `Connection terminated unexpectedly`, SASL's). Their texts
 * may change, so `guardedPool` wraps a failure by *where* it happened.
 */
export class DatabaseUnavailableError extends Error {
  override readonly name = 'DatabaseUnavailableError';
  readonly code = 'DATABASE_UNAVAILABLE';

  constructor(cause: unknown) {
    super('PostgreSQL cannot be reached', { cause });
  }
}

// Node's codes for a socket that cannot connect, or breaks.
const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

// https://www.postgresql.org/docs/current/errcodes-appendix.html: class 08 (connection), 57P01 to 57P05 (shutdown, crash, starting up,
// database dropped, idle session), 53300 (too many connections), class 28 (authorization), 3D000 (no such database). A cancelled
// statement (57014) is not among them: the database is available.
const sqlStates = /^(08...|57P0[1-5]|53300|28...|3D000)$/;

/**
 * Whether `error` says that the database is unavailable, and not that a statement was wrong: connections refused, reset or timed out, a
 * server that shuts down or starts up, too many connections, a login or a database that does not exist.
 *
 * Branches on codes alone. Errors that node-postgres throws without a code are recognized only if they come from `connectDatabase`,
 * which gives them one; the same errors of a bare `pg.Pool` return false. `cause` is not searched.
 */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseUnavailableError) return true;
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return false;
  if (socketCodes.has(error.code) || sqlStates.test(error.code)) return true;
  // ENOENT: the Unix socket does not exist; EACCES: this process may not use it.
  return 'syscall' in error && error.syscall === 'connect';
}
