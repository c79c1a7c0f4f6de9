/** Turns errors of ioredis into `CacheError`s. None of them contains a password. */
import { CacheError } from '../../base/errors.ts';

/**
 * Why there is no connection: `STORE_REFUSED` if the server rejected the password, the user or the database, otherwise
 * `STORE_UNAVAILABLE`.
 */
export function connectionFault(error: Error): CacheError {
  if (error instanceof CacheError) return error;
  // Without the cause: the error of AUTH contains the command, and with it the password.
  if (isReply(error)) return new CacheError('STORE_REFUSED', `Redis refuses the connection: ${error.message}`);
  // The `AggregateError` of a host with several addresses has no message.
  const reason = error.message || ('code' in error ? String(error.code) : error.name);
  return new CacheError('STORE_UNAVAILABLE', `Redis cannot be reached: ${reason}`, { cause: error });
}

/** @throws {CacheError} `STORE_REFUSED` or `STORE_FULL` for an error reply of the server, otherwise `error` itself. */
export function rethrow(error: unknown): never {
  if (!isReply(error)) throw error;
  const isCommandForbidden = error.message.startsWith('NOPERM') && error.message.includes('command');
  const message = isCommandForbidden ? `${error.message}; Redis must allow its user ${commandsNeeded}` : error.message;
  const code = reasonOf(error, 'OOM|READONLY|MISCONF') ? 'STORE_FULL' : 'STORE_REFUSED';
  throw new CacheError(code, message, { cause: error });
}

/** Whether a write was rejected because the server is a replica. */
export function isReadonly(error: Error): boolean {
  return reasonOf(error, 'READONLY');
}

/** Redis 6 writes the reason of a failing script after `ERR Error running script (…): -`. */
function reasonOf({ message }: Error, reasons: string): boolean {
  return new RegExp(`^(?:ERR Error running script.* -)?(?:${reasons}) `).test(message);
}

function isReply(error: unknown): error is Error & { readonly name: 'ReplyError' } {
  return error instanceof Error && error.name === 'ReplyError';
}

/** What a Redis user with an access list must be allowed, besides the keys of the namespace. */
const commandsNeeded =
  'GET, GETRANGE, STRLEN, PTTL, SET, DEL, UNLINK, PEXPIRE, EVAL, EVALSHA, SCAN, INFO, TIME and PING, and SELECT for another database than 0';
