/** Reads a database URL: with node-postgres' own parser, after correcting what that parser gets wrong. */
import type { ClientConfig } from 'pg';
import { parseIntoClientConfig } from 'pg-connection-string';

/** The database URL cannot be used. The message does not repeat it, because it may contain a password. */
export class DatabaseUrlError extends Error {
  override readonly name = 'DatabaseUrlError';
  readonly code = 'DATABASE_URL_INVALID';
}

/**
 * Where PostgreSQL listens, who connects to it, and the certificates in use.
 *
 * @param url See `DatabaseOptions.url`. Its certificate files are read here, once: given the URL alone, each new
 *   connection reads them again, and throws where no caller can catch it.
 * @throws {DatabaseUrlError} for a malformed URL, and for a certificate file that cannot be read.
 */
export function addressIn(url: string): ClientConfig {
  checkEscapes(url);
  // If there is a space, the parser encodes the whole URL once more, which corrupts escapes such as %2F.
  const spaceless = url.replaceAll(' ', '%20');
  try {
    return withDecodedDatabase(parseIntoClientConfig(spaceless), spaceless);
  } catch (cause) {
    const isFile = cause instanceof Error && 'path' in cause;
    const what = isFile ? `names a file that cannot be read: ${cause.message}` : 'cannot be read';
    throw new DatabaseUrlError(`DATABASE_URL ${what}`, { cause });
  }
}

/** What is wrong with a database URL, as a sentence that begins with `DATABASE_URL`; undefined if nothing is. */
export function databaseUrlFault(url: string): string | undefined {
  try {
    addressIn(url);
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return error.message;
    throw error;
  }
}

/** The parser takes a `%` without two hexadecimal digits for a literal one, and then decodes the rest differently. */
function checkEscapes(url: string): void {
  const rule = 'DATABASE_URL must percent-encode special characters in UTF-8 (a % itself as %25)';
  // A parser takes it for the begin of a fragment and cuts the rest off, so another database would be used.
  if (url.includes('#')) throw new DatabaseUrlError(`${rule}, got a # at character ${url.indexOf('#') + 1}: write %23`);
  if (/%00/.test(url))
    throw new DatabaseUrlError('DATABASE_URL must not contain %00, which PostgreSQL has no names with');
  const malformed = /%(?![0-9a-f]{2})/i.exec(url);
  if (malformed !== null) {
    throw new DatabaseUrlError(`${rule}, got a % at character ${malformed.index + 1} without two hexadecimal digits`);
  }
  try {
    decodeURIComponent(url);
  } catch (cause) {
    throw new DatabaseUrlError(`${rule}, got escapes that are not UTF-8`, { cause });
  }
}

/** The parser leaves the escapes of URL delimiters in the database's name: `a%23b` instead of `a#b`. */
function withDecodedDatabase(address: ClientConfig, url: string): ClientConfig {
  if (/^socket:/i.test(url)) return address;
  const { pathname } = new URL(url.replace('@/', '@localhost/'), 'postgres://localhost');
  const name = pathname.slice(1);
  return address.database === decodeURI(name) ? { ...address, database: decodeURIComponent(name) } : address;
}
