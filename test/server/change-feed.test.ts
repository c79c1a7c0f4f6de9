// The whole program, while another one changes its database.
import { Client } from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createClient } from './client.ts';
import { startProgram, type Program } from './start-program.ts';

async function databaseOf(program: Program): Promise<Client> {
  const [, url = ''] = /gone when this stops: (postgres:[^"\s]+)/.exec(program.stdout()) ?? [];
  const client = new Client({ connectionString: url, ssl: false });
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function feedUpOf({ url }: Program): Promise<string | undefined> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return /^cachepot_feed_up (\S+)$/m.exec(metrics)?.[1];
}

it('returns what another program has written, long before its TTL ends', async () => {
  const program = await startProgram({ env: { CACHE_TTL: '86400' } });
  await program.isUp();
  const database = await databaseOf(program);
  const client = createClient(program.url);
  const nameOf = async (): Promise<unknown> => {
    const { data } = await client.ask('{ searchProducts(q: "", limit: 1) { id name } }');
    return (data as { searchProducts: { name: string }[] } | undefined)?.searchProducts[0]?.name;
  };
  const before = await nameOf();
  await database.query("update products set name = 'Changed elsewhere' where name = $1", [before]);
  await expect.poll(nameOf, { interval: 5, timeout: 60_000 }).toBe('Changed elsewhere');
  const { data } = await client.ask(
    '{ cacheStats { changeFeed { state transactions invalidations retries lagMs lagBytes retainedBytes } } }',
  );
  expect(data).toEqual({
    cacheStats: {
      changeFeed: {
        state: 'READING',
        transactions: expect.any(Number) as number,
        invalidations: expect.any(Number) as number,
        retries: 0,
        lagMs: 0,
        lagBytes: expect.any(Number) as number,
        retainedBytes: expect.any(Number) as number,
      },
    },
  });
  const metrics = await (await fetch(`${program.url}/metrics`)).text();
  expect(metrics).toMatch(/^cachepot_feed_reading 1$/m);
  expect(metrics).toMatch(/^cachepot_feed_up 1$/m);
  expect(metrics).toMatch(/^cachepot_feed_invalidations_total [1-9]\d*$/m);
  expect(metrics).toMatch(/^cachepot_feed_retained_bytes \d+$/m);
  expect(program.stdout()).toMatch(/change feed: this process reads the slot cachepot_shop_[0-9a-f]{8}/);
  program.signal('SIGTERM');
  await program.ended;
  expect(program.stdout()).not.toContain('stays');
});

it('measures 0 for a feed that was on and has stopped', async () => {
  const program = await startProgram();
  await program.isUp();
  await expect.poll(() => feedUpOf(program)).toBe('1');
  const database = await databaseOf(program);
  await database.query('drop publication cachepot');
  await database.query('update products set stock = stock + 1 where id = 1');
  const client = createClient(program.url);
  const stateOf = async (): Promise<unknown> => (await client.ask('{ cacheStats { changeFeed { state } } }')).data;
  await expect.poll(stateOf, { timeout: 20_000 }).toEqual({ cacheStats: { changeFeed: { state: 'OFF' } } });
  expect(await feedUpOf(program)).toBe('0');
});

it('measures nothing that an alert could take for a failure if the database was never set up for the feed', async () => {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl'), CHANGE_FEED: 'auto' } });
  await program.isUp();
  await expect.poll(() => feedUpOf(program)).toMatch(/^nan$/i);
  expect(program.stdout()).toContain('change feed: off');
});

it('does not start with CHANGE_FEED=required if the database is not set up for it', async () => {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl'), CHANGE_FEED: 'required' } });
  expect(await program.ended).toBe(1);
  expect(program.stderr()).toMatch(
    /^CHANGE_FEED=required, but the change feed does not work: there is no publication cachepot: run CREATE PUBLICATION .*\n$/,
  );
});

it('has no feed with CHANGE_FEED=off', async () => {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl'), CHANGE_FEED: 'off' } });
  await program.isUp();
  const { data } = await createClient(program.url).ask('{ cacheStats { changeFeed { state } } }');
  expect(data).toEqual({ cacheStats: { changeFeed: null } });
  expect(program.stdout()).not.toContain('change feed');
});
