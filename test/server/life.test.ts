import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, inject, it } from 'vitest';
import { createClient } from './client.ts';
import { expectNothingLeft, startProgram, type Program, type ProgramOptions } from './start-program.ts';

const given = { DATABASE_URL: inject('databaseUrl') };

describe('with neither DATABASE_URL nor REDIS_URL', () => {
  it('npm start answers within ten seconds, says what it uses and where to click, and ends by SIGTERM', async () => {
    const startedMs = performance.now();
    const program = await startProgram({ command: ['npm', 'start'], env: { npm_config_update_notifier: 'false' } });
    await program.isUp();
    const { ask } = createClient(program.url);
    expect((await ask<{ categoryStats: unknown[] }>('{ categoryStats { id } }')).data.categoryStats).toHaveLength(10);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
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
    const clients = Array.from({ length: 8 }, () => keepAsking(program.url));
    await Promise.all(clients.map(({ isBusy }) => isBusy()));
    program.signal('SIGTERM');
    await expect.poll(async () => (await createClient(program.url).get('/readyz')).status).toBe(503);
    // Each goes on until an answer tells it that the connection closes.
    expect(await Promise.all(clients.map(({ statuses }) => statuses))).toEqual(clients.map(() => new Set([200])));
    expect(await program.ended).toBe(0);
    await expectNothingLeft(program);
  });

  it('answers what is under way, then ends', async () => {
    const program = await upProgram({ env: { SIMULATED_LATENCY: 'on' } });
    const { ask, get } = createClient(program.url);
    // Twenty keys, so twenty loads that wait for the simulated network, each with a timer.
    const slow = Promise.all(
      Array.from({ length: 20 }, (_, minReviews) =>
        ask<{ topProducts: unknown[] }>(`{ topProducts(minReviews: ${minReviews}) { id } }`),
      ),
    );
    const timers = async (): Promise<number> =>
      Number(/active_resources{type="Timeout"} (\d+)/.exec((await get('/metrics')).text)?.[1] ?? 0);
    await expect.poll(timers, { interval: 5 }).toBeGreaterThanOrEqual(20);
    program.signal('SIGTERM');
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
    const program = await upProgram({ env: { SIMULATED_LATENCY: 'on' } });
    const cut = createClient(program.url)
      .ask('{ topProducts { id } }')
      .catch(() => 'cut off');
    await createClient(program.url).get('/livez');
    program.signal('SIGINT');
    await expect.poll(() => program.stdout(), { interval: 5 }).toContain('SIGINT: stopping');
    program.signal('SIGINT');
    expect(await program.ended).toBe(1);
    await cut;
    await expectNothingLeft(program);
  });
});

/** Asks one thing after another on one connection, until an answer says that it closes. */
function keepAsking(url: string): { isBusy: () => Promise<void>; statuses: Promise<Set<number>> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const statuses = new Set<number>();
  let answers = 0;
  const run = async (): Promise<Set<number>> => {
    for (;;) {
      const sent = request(`${url}/graphql?query={categoryStats{id}}`, { agent }).end();
      const [answer] = (await once(sent, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
      statuses.add(answer.statusCode ?? 0);
      answers += 1;
      if (answer.headers.connection === 'close') return statuses;
    }
  };
  return { statuses: run(), isBusy: async () => await expect.poll(() => answers).toBeGreaterThan(20) };
}

async function upProgram({ env = {} }: ProgramOptions = {}): Promise<Program> {
  const program = await startProgram({ env: { ...given, ...env } });
  await program.isUp();
  return program;
}
