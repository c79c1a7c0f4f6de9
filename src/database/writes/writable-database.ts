import type { Kysely } from 'kysely';
import type { Writing } from '../../kysely-cache/index.ts';
import type { Tables } from '../tables.ts';

/** What the shop's writes need. */
export interface WritableDatabase {
  readonly db: Kysely<Tables>;
  /** Runs a transaction, and invalidates what was cached of the rows that it has changed. */
  readonly writing: Writing;
}
