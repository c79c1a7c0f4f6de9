import { Client } from 'pg';
import { expect, inject, it } from 'vitest';
import { createEmptyDatabase } from './databases.ts';

it('creates a separate empty database each time, which drop removes even if it has connections', async () => {
  const [one, two] = await Promise.all([createEmptyDatabase(), createEmptyDatabase()]);
  const client = new Client({ connectionString: one.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('CREATE TABLE only_here ()');
  expect(await tablesIn(two.url)).toBe(0);

  await Promise.all([one.drop(), two.drop()]);
  await one.drop();
  await expect(tablesIn(one.url)).rejects.toMatchObject({ code: '3D000' });
  expect(new URL(one.url).host).toBe(new URL(inject('databaseUrl')).host);
});

async function tablesIn(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  try {
    await client.connect();
    const { rows } = await client.query<{ n: number }>(
      "SELECT count(*)::int AS n FROM pg_tables WHERE schemaname = 'public'",
    );
    return rows[0]?.n;
  } finally {
    await client.end();
  }
}
