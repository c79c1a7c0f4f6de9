/** Reads where PostgreSQL's log ends now, on a connection of its own: those of a pool may all wait. */
import { Client, type ClientConfig } from 'pg';
import { lsnOf, type Lsn } from './lsn.ts';

export async function readWalPosition(connection: ClientConfig): Promise<Lsn> {
  const client = new Client({ ...connection, application_name: 'cachepot feed', connectionTimeoutMillis: 1_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    // Not the position that is on disk: a commit may be visible before it is.
    const { rows } = await client.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
    return lsnOf(rows[0]?.lsn ?? '');
  } finally {
    await client.end();
  }
}
