import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { migrate } from '../../src/database/migrate.ts';
import { seed } from '../../src/database/seed.ts';
import { emptyDatabase } from '../database/shop-database.ts';
import { createClient, type Answer } from './client.ts';
import { expectNothingLeft, startProgram, type Program, type ProgramOptions } from './start-program.ts';

const given = { DATABASE_URL: inject('databaseUrl') };

describe('with neither DATABASE_URL nor REDIS_URL', () => {
  it('npm start answers, says what it uses and where to click, and ends by SIGTERM', async () => {
    const program = await startProgram({ command: ['npm', 'start'], env: { npm_config_update_notifier: 'false' } });
    await program.isUp();
    const { ask } = createClient(program.url);
    expect((await ask<{ categoryStats: unknown[] }>('{ categoryStats { id } }')).data.categoryStats).toHaveLength(10);
    expect(program.stdout()).toMatch(/PostgreSQL: embedded, with sample data/);
    expect(program.stdout()).toMatch(/Redis: private.*redis-cli -s \/.*redis\.sock/);
    expect(program.stdout()).toContain(`GraphiQL: ${program.url}/graphql`);
    expect((await ask('{ cacheStats { backend } }')).data).toEqual({ cacheStats: { backend: 'REDIS' } });

    program.signal('SIGTERM');
    await program.ended;
    await expectNothingLeft(program);
    // npm may have words of its own.
    expect(program.stderr()).not.toMatch(/^(?!npm |$)/m);
  });

  it.each([
    ['SIGTERM', 'process'],
    ['SIGINT', 'process'],
    ['SIGINT', 'group'],
    ['SIGTERM', 'group'],
    ['SIGHUP', 'process'],
  ] as const)('%s to its %s ends it with exit code 0 and without a word of trouble', async (signal, to) => {
    const program = await startProgram();
    await program.isUp();
    await createClient(program.url).ask('{ categoryStats { id } }');
    expect((await program.room.processes()).length).toBeGreaterThan(1);
    program.signal(signal, to);
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
    expect(program.stderr()).toBe('');
    // Before that a busy machine may have had its troubles.
    const [, ending] = program.stdout().split(`${signal}: stopping`);
    expect(ending).toBeDefined();
    expect(ending).not.toMatch(/"level":[456]0/);
  });

  it.each([
    ['PostgreSQL is unpacked', (program: Program) => program.room.leftFiles().then(({ length }) => length > 0)],
    ['PostgreSQL starts', (program: Program) => program.room.processes().then(({ length }) => length > 2)],
    ['PostgreSQL is up', (program: Program) => program.stdout().includes('PostgreSQL: embedded')],
    ['Redis is up', (program: Program) => program.stdout().includes('Redis: private')],
  ])('a Ctrl-C while %s ends it with exit code 0 and leaves nothing', async (_moment, isReached) => {
    const program = await startProgram();
    await expect.poll(() => isReached(program), { interval: 2 }).toBe(true);
    program.signal('SIGINT', 'group');
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
    expect(program.stderr()).toBe('');
  });

  it.each([
    ['stopped', ['stopRedis']],
    ['started again', ['stopRedis', 'startRedis']],
  ])('ends and leaves nothing after its Redis was %s', async (_state, mutations) => {
    const program = await startProgram({ env: given });
    await program.isUp();
    const { ask, row } = createClient(program.url);
    expect((await ask('{ console { hasPrivateRedis } }')).data).toEqual({ console: { hasPrivateRedis: true } });
    for (const mutation of mutations) expect((await ask(`mutation { ${mutation} }`)).errors).toEqual([]);
    expect(await row('{ categoryStats { id } }')).toMatchObject({ state: 'miss' });
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
    expect(program.stderr()).toBe('');
  });

  it('serves from memory where no redis-server is on the PATH, and says so', async () => {
    const program = await startProgram({ env: { ...given, PATH: '/nowhere' } });
    await program.isUp();
    expect(program.stdout()).toMatch(/Redis: none, because REDIS_URL is not set and no redis-server/);
    const { ask, row } = createClient(program.url);
    await row('{ categoryStats { id } }');
    expect(await row('{ categoryStats { id } }')).toMatchObject({ state: 'hit', tier: 'memory' });
    expect((await ask('{ cacheStats { backend keys } }')).data).toEqual({ cacheStats: { backend: 'MEMORY', keys: 1 } });
  });
});

describe('while it shuts down', () => {
  it('loses no request of clients that keep their connections, and says that it is not ready', async () => {
    const program = await upProgram();
    await createClient(program.url).ask('{ categoryStats { id } }');
    const clients = Array.from({ length: 8 }, () => keepAsking(`${program.url}/graphql?query={categoryStats{id}}`));
    const prober = keepAsking(`${program.url}/readyz`);
    await Promise.all([...clients, prober].map(({ isBusy }) => isBusy()));
    program.signal('SIGTERM');
    // Each goes on until an answer tells it that the connection closes.
    for (const { statuses } of clients) expect(new Set(await statuses)).toEqual(new Set([200]));
    const probed = await prober.statuses;
    expect([probed[0], probed.at(-1)]).toEqual([200, 503]);
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
  });

  it('answers what is under way, then ends', async () => {
    const shop = await lockedShop();
    const program = await upProgram({ env: { DATABASE_URL: shop.url } });
    // Eight keys, so eight loads.
    const slow = Promise.all(
      Array.from({ length: 8 }, (_, minReviews) => askTopProducts(program, `minReviews: ${minReviews}`)),
    );
    await expect.poll(() => shop.waiting()).toBe(8);
    program.signal('SIGTERM');
    await expect.poll(() => program.stdout()).toContain('SIGTERM: stopping');
    await shop.unlock();
    for (const { errors, data } of await slow) expect([errors, data.topProducts.length > 0]).toEqual([[], true]);
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
  });

  it('does not wait for a client that never finishes its request', async () => {
    const program = await upProgram();
    const { hostname, port } = new URL(program.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write('POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
    await once(socket, 'connect');
    await createClient(program.url).get('/livez');
    program.signal('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it('a second Ctrl-C ends it at once', async () => {
    const shop = await lockedShop();
    const program = await upProgram({ env: { DATABASE_URL: shop.url } });
    const cut = askTopProducts(program, 'minReviews: 0').catch(() => 'cut off');
    await expect.poll(() => shop.waiting()).toBe(1);
    program.signal('SIGINT');
    await expect.poll(() => program.stdout()).toContain('SIGINT: stopping');
    program.signal('SIGINT');
    expect(await program.ended).toBe(1);
    expect(await cut).toBe('cut off');
    await expectNothingLeft(program);
  });
});

/** Sends one request after another on one connection, until a response says that it closes; their statuses in order. */
function keepAsking(url: string): { isBusy: () => Promise<void>; statuses: Promise<number[]> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses: number[] = [];
  const run = async (): Promise<number[]> => {
    for (;;) {
      const sent = request(url, { agent }).end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
      statuses.push(answer.statusCode ?? 0);
      if (answer.headers.connection === 'close') return statuses;
    }
  };
  return { statuses: run(), isBusy: async () => await expect.poll(() => statuses.length).toBeGreaterThan(20) };
}

/** A shop of the test's own whose tables are locked: its queries wait, however fast or slow the machine is. */
async function lockedShop(): Promise<{
  url: string;
  /** How many statements wait. */
  waiting: () => Promise<number>;
  unlock: () => Promise<void>;
}> {
  const url = await emptyDatabase();
  await migrate({ url });
  await seed({ url, products: 50, reviews: 500 });
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin; lock table categories, products, reviews in access exclusive mode');
  return {
    url,
    async waiting() {
      const { rows } = await client.query<{ n: number }>(`
        select count(*)::int as n from pg_locks
        where not granted and database = (select oid from pg_database where datname = current_database())`);
      return rows[0]?.n ?? 0;
    },
    unlock: async () => void (await client.query('rollback')),
  };
}

/** Repeats the request while the database counts as unavailable: on a busy machine a connection may take longer than its limit. */
async function askTopProducts({ url }: Program, args: string): Promise<Answer<{ topProducts: unknown[] }>> {
  const { ask } = createClient(url);
  for (;;) {
    const answer = await ask<{ topProducts: unknown[] }>(`{ topProducts(${args}) { id } }`);
    if (!answer.errors.some(({ extensions }) => extensions?.code === 'DATABASE_UNAVAILABLE')) return answer;
  }
}

async function upProgram({ env = {} }: ProgramOptions = {}): Promise<Program> {
  const program = await startProgram({ env: { ...given, ...env } });
  await program.isUp();
  return program;
}
