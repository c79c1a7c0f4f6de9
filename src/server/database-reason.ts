import { safeError } from './log.ts';

const refusals: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the user or the password of DATABASE_URL',
  '28000': 'it does not let the user of DATABASE_URL in',
  '3D000': 'it has no database of the name in DATABASE_URL',
};

/** Why the database is away, in our words where we have some, else in those of PostgreSQL or Node: without a password. */
export function databaseReason(error: unknown): string {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code = '', message } = safeError(origin);
  return refusals[code] ?? (message || code);
}
