// The queries of schema/warm.graphql: run before the server is ready, and again after Redis was away.
import { Client } from 'pg';
import { inject, expect, it, onTestFinished } from 'vitest';
import { createHealth } from '../../src/server/health.ts';
import { times } from '../cache/world.ts';
import { newShop } from '../database/shop-database.ts';
import { startTestRedis } from '../support/redis.ts';
import { createClient } from './client.ts';
import { startProgram } from './start-program.ts';
import { startServer } from './start-server.ts';

const queries = ['{ categoryStats { id } }', '{ topProducts { id } }', '{ searchProducts { id } }'];

it('is not ready before the warm-up has ended', async () => {
  let end = (): void => {};
  const health = createHealth({ ping: async () => {}, warmUp: () => new Promise((resolve) => (end = resolve)) });
  const warming = { isReady: false, body: { status: 'warming up the cache', database: 'up' } };
  expect(await health.readiness()).toEqual(warming);
  expect(await health.readiness()).toEqual(warming);
  end();
  await expect.poll(() => health.readiness()).toEqual({ isReady: true, body: { status: 'ready', database: 'up' } });
});

it('warms up once the database was reached, and once only', async () => {
  let isUp = false;
  let warmUps = 0;
  const health = createHealth({
    async ping() {
      if (!isUp) throw new Error('no database');
    },
    async warmUp() {
      warmUps += 1;
    },
  });
  expect((await health.readiness()).body.status).toBe('waiting for the database');
  expect(warmUps).toBe(0);
  isUp = true;
  await expect.poll(async () => (await health.readiness()).isReady).toBe(true);
  expect(warmUps).toBe(1);
});

it('the first request finds its values', async () => {
  const server = await startServer({ warmsUp: true });
  await expect.poll(async () => (await server.get('/readyz')).status).toBe(200);
  for (const query of queries) expect(await server.row(query)).toMatchObject({ state: 'hit' });
});

it('a second process loads nothing', async () => {
  const { namespace, ...first } = await startServer({ warmsUp: true });
  await expect.poll(async () => (await first.get('/readyz')).status).toBe(200);
  const second = await startServer({ warmsUp: true, namespace });
  second.statements();
  await expect.poll(async () => (await second.get('/readyz')).status).toBe(200);
  expect(second.statements().filter((sql) => /from "?(products|reviews)/i.test(sql))).toEqual([]);
});

it('a Redis that comes back empty is warmed again', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  const server = await startServer({ warmsUp: true, redis: redis.socketPath, deadlineMs: 500 });
  await expect.poll(async () => (await server.get('/readyz')).status).toBe(200);
  redis.kill('SIGKILL');
  await expect.poll(() => server.logLines.join('')).toContain('answering without the cache');
  const linesBefore = server.logLines.length;
  await redis.restart();
  const linesSince = (): string => server.logLines.slice(linesBefore).join('');
  await expect.poll(linesSince).toContain('warm-up: the queries of schema/warm.graphql have run');
  for (const query of queries) expect(await server.row(query)).toMatchObject({ state: 'hit' });
});

it('is ready without Redis, too', async () => {
  const redis = await startTestRedis();
  onTestFinished(() => redis.stop());
  redis.kill('SIGKILL');
  const server = await startServer({ warmsUp: true, redis: redis.socketPath, deadlineMs: 500 });
  await expect.poll(async () => (await server.get('/readyz')).status).toBe(200);
});

it.each([
  ['CONSOLE', { CONSOLE: 'off' }, true],
  ['WARM_UP', { WARM_UP: 'on', CONSOLE: 'on' }, true],
  ['neither', { CONSOLE: 'on' }, false],
  ['both', { CONSOLE: 'off', WARM_UP: 'off' }, false],
])('npm start warms up as the environment says: %s', async (_, env, isWarmedUp) => {
  const program = await startProgram({ env: { DATABASE_URL: inject('databaseUrl'), ...env } });
  await program.isUp();
  const client = createClient(program.url);
  await expect.poll(async () => (await client.get('/readyz')).status).toBe(200);
  // By the metrics: the log of a warm-up may arrive after the response, so that its absence now would prove nothing.
  const { text } = await client.get('/metrics');
  expect(text.includes('cachepot_warm_up_queries{')).toBe(isWarmedUp);
});

it('LOADS_AT_ONCE limits the loads, and the metrics show them', async () => {
  const { url } = await newShop({});
  const lock = new Client({ connectionString: url });
  await lock.connect();
  onTestFinished(() => lock.end());
  await lock.query('begin; lock table categories in access exclusive mode');
  const program = await startProgram({ env: { DATABASE_URL: url, CHANGE_FEED: 'off', LOADS_AT_ONCE: '1' } });
  await program.isUp();
  const { ask, get } = createClient(program.url);
  const answers = Promise.all(times(3, () => ask('{ categoryStats @cache(mode: BYPASS) { id } }')));
  const loads = async (): Promise<string[]> => {
    const { text } = await get('/metrics');
    return text.split('\n').filter((line) => /^cachepot_loads_/.test(line));
  };
  await expect.poll(loads).toEqual(['cachepot_loads_running 1', 'cachepot_loads_waiting 2']);
  await lock.end();
  expect((await answers).flatMap(({ errors }) => errors)).toEqual([]);
  expect(await loads()).toEqual(['cachepot_loads_running 0', 'cachepot_loads_waiting 0']);
});

it('without LOADS_AT_ONCE there are no metrics of its slots', async () => {
  const { get } = await startServer();
  expect((await get('/metrics')).text).not.toContain('cachepot_loads_');
});
