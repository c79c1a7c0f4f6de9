import { safeError } from './log.ts';

const refusals: Readonly<Record<string, string>> = {
  '28P01': 'it rejects the user or the password in DATABASE_URL',
  '28000': 'it does not admit the user in DATABASE_URL',
  '3D000': 'it has no database of the name in DATABASE_URL',
};

/** Why the database is unavailable, in our words for common reasons, otherwise in those of PostgreSQL or Node. No password. */
export function databaseReason(error: unknown): string {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = '', message } = safeError(origin);
  return refusals[code] ?? (message || code);
}
