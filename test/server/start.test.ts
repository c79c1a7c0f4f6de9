import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { Client } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { createEmptyDatabase } from '../support/databases.ts';
import { startTestRedis } from '../support/redis.ts';
import { createClient } from './client.ts';
import { expectNothingLeft, startProgram, type Program, type ProgramOptions } from './start-program.ts';

const environment = { DATABASE_URL: inject('databaseUrl') };

describe('a program that cannot start prints the reason in one line, and exits with 1', () => {
  it('if the port is taken', async () => {
    const otherServer = createServer().listen(0, '127.0.0.1');
    await once(otherServer, 'listening');
    onTestFinished(() => void otherServer.close());
    const { port } = otherServer.address() as AddressInfo;
    const program = await startProgram({ env: { PORT: String(port) } });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(new RegExp(`^The port is taken by another program: PORT=${port} .*\\n$`));
    expect(program.stdout()).toBe(''); // neither a database nor a Redis was started
    await expectNothingLeft(program);
  });

  it.each([
    ['PORT', 'abc', /^PORT must be a whole number from 0 to 65535, got "abc"\n$/],
    ['CACHE_TTL', '0', /^CACHE_TTL must be a whole number from 1 to 86400 \(seconds\), got "0"\n$/],
    [
      'REDIS_URL',
      'http://:swordfish@localhost',
      /^REDIS_URL must be redis:\/\/host .*, got a URL that begins with "http:\/\/"\n$/,
    ],
    [
      'DATABASE_URL',
      'mysql://root:swordfish@localhost/shop',
      /^DATABASE_URL must be .*, got a URL with protocol "mysql:"\n$/,
    ],
    ['CACHE_REPORT', 'yes', /^CACHE_REPORT must be on or off, got "yes"\n$/],
    ['HOST', 'no such host', /^HOST must be .*\n$/],
  ])('for %s=%s', async (name, value, line) => {
    const program = await startProgram({ env: { ...environment, [name]: value } });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(line);
    expect(program.stderr() + program.stdout()).not.toContain('swordfish');
    await expectNothingLeft(program);
  });

  it('if HOST is not an address of this machine', async () => {
    const program = await startProgram({ env: { ...environment, HOST: '203.0.113.1' } });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(/^Cannot listen \(EADDRNOTAVAIL\): .*\n$/);
    await expectNothingLeft(program);
  });
});

describe('a program with settings in its environment', () => {
  it('starts and answers without Redis, logs that once, and uses Redis once it is available', async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const route = await newRoute(redis.socketPath);
    const address = `redis://default:swordfish@127.0.0.1:${route.port}`;
    const program = await startProgram({ env: { ...environment, REDIS_URL: address } });
    await program.isUp();
    const { ask, row } = createClient(program.url);
    expect((await ask('{ categoryStats { id } }')).errors).toEqual([]);
    expect(program.stdout().match(/Redis cannot be reached/g)).toHaveLength(1);
    route.open();
    await expect.poll(async () => (await row('{ categoryStats { id } }')).state).toBe('hit');
    expect(program.stdout()).toContain('Redis is back');
    expect(program.stdout()).not.toContain('swordfish');
  });

  it('logs which commands set up an empty database, and changes nothing in it', async () => {
    const database = await createEmptyDatabase();
    onTestFinished(() => database.drop());
    const program = await startProgram({ env: { DATABASE_URL: database.url } });
    await program.isUp();
    const instructions = /no tables of the shop: npm run migrate creates them, npm run seed fills them/;
    await expect.poll(() => program.stdout()).toMatch(instructions);
    const { errors } = await createClient(program.url).ask('{ categoryStats { id } }');
    expect(errors[0]?.extensions?.code).toBe('INTERNAL_SERVER_ERROR');
    expect(await relationsIn(database.url)).toBe(0);
  });

  it('waits for an unavailable database: it is alive, but not ready', async () => {
    const program = await startProgram({ env: { DATABASE_URL: 'postgres://shop:swordfish@127.0.0.1:1/shop' } });
    await program.isUp();
    const { get } = createClient(program.url);
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);
    expect(program.stdout()).toContain('the database cannot be reached yet: waiting for it');
    expect(program.stdout()).not.toContain('swordfish');
  });

  it('logs that the database has become available, and is ready from then on', async () => {
    const route = await newRoute(databaseSocket());
    const program = await startProgram({ env: { DATABASE_URL: throughTcp(route.port) } });
    await program.isUp();
    expect((await createClient(program.url).get('/readyz')).status).toBe(503);
    route.open();
    await expect.poll(() => program.stdout()).toContain('the database is available');
    expect((await createClient(program.url).get('/readyz')).status).toBe(200);
    expect((await createClient(program.url).ask('{ categoryStats { id } }')).errors).toEqual([]);
  });

  it.each([
    ['28P01', 'password authentication failed for user "shop"', 'it rejects the user or the password in DATABASE_URL'],
    ['3D000', 'database "shop" does not exist', 'it has no database of the name in DATABASE_URL'],
  ])('explains the PostgreSQL error %s in words, without the password', async (code, message, explanation) => {
    const port = await refusingDatabase(code, message);
    const program = await startProgram({ env: { DATABASE_URL: `postgres://shop:swordfish@127.0.0.1:${port}/shop` } });
    await program.isUp();
    await expect.poll(() => program.stdout()).toContain(explanation);
    expect(program.stdout() + program.stderr()).not.toContain('swordfish');
    expect((await createClient(program.url).get('/readyz')).status).toBe(503);
  });

  it('prints in one line that no temporary folder can be created, and exits with 1', async () => {
    const program = await startProgram({ env: { TMPDIR: '/nowhere' } });
    expect(await program.ended).toBe(1);
    expect(program.stderr()).toMatch(/^A temporary folder could not be made in \/nowhere: .*\n$/);
  });

  it('refuses the console with CONSOLE=off, and a mutation without the ADMIN_TOKEN', async () => {
    const program = await upProgram({ env: { CONSOLE: 'off', WARM_UP: 'off', ADMIN_TOKEN: 'open-sesame' } });
    const { ask, get, row } = createClient(program.url);
    expect((await ask('{ categoryStats { id } }')).errors).toEqual([]);
    // The program has the deadline of production. If a busy machine misses it, a later request stores the value.
    await expect.poll(async () => (await row('{ categoryStats { id } }')).state).toBe('hit');
    expect((await get('/graphql', { accept: 'text/html' })).text).not.toContain('<');
    for (const query of ['{ __schema { types { name } } }', '{ categoryStats @cache(mode: BYPASS) { id } }']) {
      expect((await ask(query)).errors[0]?.extensions?.code).toBe('GRAPHQL_VALIDATION_FAILED');
    }
    const flush = (authorization: string): Promise<Response> =>
      fetch(`${program.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization },
        body: '{"query":"mutation { flushCache { keysRemoved } }"}',
      });
    expect((await flush('Bearer wrong')).status).toBe(401);
    expect(await (await flush('Bearer open-sesame')).json()).toEqual({ data: { flushCache: { keysRemoved: 1 } } });
    expect(program.stdout() + program.stderr()).not.toContain('sesame');
  });

  it('serves health, metrics and the page at their paths, and 404 at others', async () => {
    const program = await upProgram();
    const { get } = createClient(program.url);
    expect(await get('/livez')).toMatchObject({ status: 200, text: '{"status":"alive"}\n' });
    expect(await get('/readyz')).toMatchObject({ status: 200, text: '{"status":"ready","database":"up"}\n' });
    expect((await get('/metrics')).text).toContain('# TYPE cachepot_requests_total counter');
    const home = await get('/');
    expect([home.status, home.headers.get('location')]).toEqual([308, '/graphql']);
    expect((await get('/graphql', { accept: 'text/html' })).text).toMatch(/^\s*<!doctype html>/i);
    expect((await get('/nothing')).status).toBe(404);
  });
});

async function upProgram({ env = {} }: ProgramOptions = {}): Promise<Program> {
  const program = await startProgram({ env: { ...environment, ...env } });
  await program.isUp();
  return program;
}

/** The URL of the tests' PostgreSQL, which listens only on a socket, through the route at `port`. */
function throughTcp(port: number): string {
  const { username, pathname } = new URL(environment.DATABASE_URL.replace(/@[^/]*/, '@localhost'));
  return `postgres://${username}@127.0.0.1:${port}${pathname}`;
}

function databaseSocket(): string {
  const url = new URL(environment.DATABASE_URL);
  return `${decodeURIComponent(url.hostname)}/.s.PGSQL.${url.port}`;
}

/** A port that forwards to the server at this socket once it is open; until then it closes connections. */
async function newRoute(socketPath: string): Promise<{ port: number; open: () => void }> {
  let isOpen = false;
  const server = createTcpServer((client) => {
    if (!isOpen) {
      client.destroy();
      return;
    }
    const upstream = connect(socketPath);
    client.on('error', () => upstream.destroy()).pipe(upstream);
    upstream.on('error', () => client.destroy()).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, open: () => void (isOpen = true) };
}

/** Implements only as much of PostgreSQL's protocol as is needed to refuse a login. */
async function refusingDatabase(code: string, message: string): Promise<number> {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  const server = createTcpServer((client) => {
    client.on('error', () => {}).once('data', () => client.end(Buffer.concat([head, fields])));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function relationsIn(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ n: number }>(
    "select count(*)::int as n from pg_class where relnamespace = 'public'::regnamespace",
  );
  await client.end();
  return rows[0]?.n;
}
