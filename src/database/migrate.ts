import { inSession } from './session.ts';
import { sqlText } from './sql-text.ts';

// 'cachepot', shortened to what fits. Any number is suitable that no other program locks on this database.
const migrationLock = 0x63_70_6f_74;

/**
 * Brings the database at `url` to the schema of `sql/1-tables.sql`, in one transaction: all of it or nothing. Existing objects are
 * kept. Two calls at once do not collide: the second waits for the first.
 *
 * @returns `changed` is false if everything existed already.
 */
export function migrate({ url }: { url: string }): Promise<{ changed: boolean }> {
  return inSession(url, async (client) => {
    await client.query('begin');
    await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
    await client.query(await sqlText('1-tables.sql'));
    // PostgreSQL assigns a transaction its number with its first write, so no number means that nothing was written.
    const { rows } = await client.query<{ changed: boolean }>(
      'select pg_current_xact_id_if_assigned() is not null as changed',
    );
    await client.query('commit');
    return { changed: rows[0]?.changed === true };
  });
}
