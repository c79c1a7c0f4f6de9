/** Asks PostgreSQL about its log. */
import type { ClientConfig } from 'pg';
import { rowOf } from './connections.ts';
import { lsnOf, type Lsn } from './lsn.ts';

/** Where the log ends now. */
export async function readWalPosition(connection: ClientConfig): Promise<Lsn> {
  // Not the position that is on disk: a commit may be visible before it is.
  const row = await rowOf<{ lsn: string }>(connection, 'select pg_current_wal_insert_lsn()::text as lsn');
  return lsnOf(row?.lsn ?? '');
}

/** How much of the log the server retains for a slot; undefined if there is no such slot. */
export async function readRetainedBytes(connection: ClientConfig, slot: string): Promise<number | undefined> {
  const row = await rowOf<{ bytes: number }>(
    connection,
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 as bytes
      from pg_catalog.pg_replication_slots where slot_name = '${slot}'`,
  );
  return row?.bytes;
}
