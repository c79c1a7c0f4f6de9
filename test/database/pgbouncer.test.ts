import { sql } from 'kysely';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createClient } from '../server/client.ts';
import { startProgram } from '../server/start-program.ts';
import { startPgBouncer } from '../support/pgbouncer.ts';
import { connect } from './shop-database.ts';

describe('behind PgBouncer in transaction mode', () => {
  it('the program becomes ready, and responds to queries', async () => {
    const program = await startProgram({ env: { DATABASE_URL: await startPgBouncer() } });
    await program.isUp();
    const { ask, get } = createClient(program.url);
    await expect.poll(async () => (await get('/readyz')).status).toBe(200);
    const { data, errors } = await ask('{ categoryStats { id } topProducts { id } searchProducts(limit: 1) { id } }');
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ categoryStats: { length: 10 }, searchProducts: { length: 1 } });
  });

  it.each([
    ['plain', false],
    ['TLS', true],
  ])(
    'a statement that takes too long is cancelled on the server (%s), and the next one runs',
    async (_, requiresTls) => {
      const { db } = connect({ url: await startPgBouncer({ requiresTls }), poolMax: 1, statementMsMax: 1_000 });
      const error = await sql`select pg_sleep(60) as behind_pgbouncer`.execute(db).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: '57014' });
      expect(await runningStatements('behind_pgbouncer')).toBe(0);
      await sql`select 1`.execute(db);
    },
  );
});

describe('the limit on the duration of a statement', () => {
  it('cancels the statement on the server', async () => {
    const { db } = connect({ poolMax: 1, statementMsMax: 1_000 });
    const error = await sql`select pg_sleep(60) as cancelled_directly`.execute(db).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: '57014' });
    expect(await runningStatements('cancelled_directly')).toBe(0);
  });

  it('does not reuse a connection with a pending cancellation', async () => {
    const { db } = connect({ poolMax: 1, statementMsMax: 1_000 });
    const before = await backendPid(db);
    await expect(sql`select pg_sleep(60)`.execute(db)).rejects.toMatchObject({ code: '57014' });
    expect(await backendPid(db)).not.toBe(before);
  });
});

async function backendPid(db: ReturnType<typeof connect>['db']): Promise<number | undefined> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0]?.pid;
}

/** The number of sessions that run a statement with this text. */
async function runningStatements(text: string): Promise<number> {
  const client = new Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  onTestFinished(() => client.end());
  const { rows } = await client.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
      where state = 'active' and query like $1 and pid <> pg_backend_pid()`,
    [`%${text}%`],
  );
  return rows[0]?.count ?? NaN;
}
