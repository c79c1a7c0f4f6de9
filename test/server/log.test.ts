import { Client } from 'pg';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { logOptions, safeError } from '../../src/server/log.ts';
import { inRequest, outsideRequests } from '../../src/server/request-scope.ts';
import { send, sendBytes } from './raw-request.ts';
import { logLevels, startServer, type RunningServer } from './start-server.ts';

interface Line {
  level: number;
  operation?: string;
  hits?: number;
  misses?: number;
  errors?: string[];
  durationMs?: number;
  isAborted?: boolean;
  msg: string;
  requestId?: string;
  path?: string;
  status?: number;
}

it('assigns an id to every request, and adds it to the response and to all log lines of the request', async () => {
  const server = await startServer({
    databaseUrl: 'postgres://shop:swordfish@127.0.0.1:1/shop',
    logLevel: 'debug',
  });
  const { headers } = await send(server.url, { body: '{"query":"{ categoryStats { id } }"}' });
  const requestId = String(headers['x-request-id']);
  expect(requestId).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
  const lines = server.logLines.map((line) => JSON.parse(line) as Line);
  const messages = lines.filter((line) => line.requestId === requestId).map(({ msg }) => msg);
  expect(messages).toContain('the database cannot be reached');
  expect(messages).toContain('cache load failed');
  await expect.poll(() => server.logLines.join('')).toContain(`"requestId":"${requestId}","method":"POST"`);
});

it('responds with a request id even if the request cannot be parsed, and logs it', async () => {
  const server = await startServer({ logLevel: 'debug' });
  const text = await sendBytes(server.url, ['this is no HTTP\r\n\r\n']);
  const [, requestId] = /^x-request-id: (\S+)\r$/m.exec(text) ?? [];
  await expect.poll(() => server.logLines.join('')).toContain(`"requestId":"${requestId}","status":400`);
  const withExpect = { 'content-type': 'application/json', expect: 'coffee' };
  const { headers } = await send(server.url, { headers: withExpect, body: '{}' });
  expect(headers).toMatchObject({ 'x-request-id': expect.any(String), 'x-content-type-options': 'nosniff' });
});

it('does not log connections that a browser opened in advance and never used', async () => {
  const server = await startServer({ logLevel: 'info' });
  server.http.server.headersTimeout = server.http.server.requestTimeout = 1;
  expect(await sendBytes(server.url, [])).toMatch(/^HTTP\/1\.1 408/);
  const text = await sendBytes(server.url, ['GET /livez HT']);
  const [, requestId] = /^x-request-id: (\S+)\r$/m.exec(text) ?? [];
  await expect.poll(() => server.logLines.join('')).toContain(`"requestId":"${requestId}","status":408`);
  expect(server.logLines.filter((line) => line.includes('could not be read'))).toHaveLength(1);
});

it.each(logLevels)('uses the id that a load balancer sent if it is safe to log: LOG_LEVEL %s', async (logLevel) => {
  const server = await startServer({ logLevel });
  const idFor = async (sentId: string): Promise<unknown> =>
    (await send(server.url, { method: 'GET', path: '/livez', headers: { 'x-request-id': sentId } })).headers[
      'x-request-id'
    ];
  expect(await idFor('a1b2.c3-D4_e5')).toBe('a1b2.c3-D4_e5');
  for (const bad of ['a b', 'x'.repeat(65), '"}', '']) expect(await idFor(bad)).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
});

it('logs no variables, bodies, query strings or unknown paths, even at LOG_LEVEL debug', async () => {
  const server = await startServer({ logLevel: 'debug' });
  await server.ask('query ($q: String!) { searchProducts(q: $q) { id } }', { q: 'pineapple' });
  await server.ask('{ searchProducts(q: "pineapple") { id } }');
  await server.get(`/graphql?query=${encodeURIComponent('{ searchProducts(q: "pineapple") { id } }')}`);
  await server.ask('{ pineapple }');
  await server.get('/pineapple');
  await server.ask('{ searchProducts(limit: 4711) { id } }');
  await send(server.url, {
    headers: { 'content-type': 'application/json', authorization: 'Bearer pineapple' },
    body: '{',
  });
  await expect.poll(() => server.logLines.filter((line) => line.includes('"status"')).length).toBe(7);
  expect(server.logLines.join('')).not.toMatch(/pineapple|4711/);
});

it('adds no request id to a line that belongs to no request, such as that of a broken connection', async () => {
  const lines: string[] = [];
  const log = pino(logOptions, { write: (line: string) => void lines.push(line) });
  const logOutside = (): void => outsideRequests(() => log.warn('a connection broke'));
  await inRequest('r2', logOutside);
  await inRequest('r3', () => log.warn('a request'));
  expect(lines.map((line) => (JSON.parse(line) as Line).requestId)).toEqual([undefined, 'r3']);
});

it('keeps the code and the message of a PostgreSQL error, without the values that it quotes', async () => {
  const client = new Client({ connectionString: inject('databaseUrl') });
  await client.connect();
  const failure = async (sql: string, values: unknown[]): Promise<string> =>
    JSON.stringify(safeError(await client.query(sql, values).then(String, (error: unknown) => error)));
  expect(await failure('select $1::int', ['pineapple'])).toMatch(/22P02.*invalid input syntax for type integer: \\"…/);
  expect(await failure('select $1::int', ['pineapple'])).not.toContain('pineapple');
  await client.query("begin; create temp table fruits (name text unique); insert into fruits values ('pineapple')");
  const duplicate = await failure('insert into fruits values ($1)', ['pineapple']);
  expect(duplicate).toMatch(/23505.*fruits_name_key/);
  expect(duplicate).not.toContain('pineapple');
  await client.end();
});

it('logs an error without the properties that libraries add to it', () => {
  const lines: string[] = [];
  const log = pino(logOptions, { write: (line: string) => void lines.push(line) });
  log.error({ err: Object.assign(new Error('it broke'), { detail: 'pineapple', parameters: ['pineapple'] }) }, 'oh');
  expect(lines).toEqual([expect.stringContaining('it broke')]);
  expect(lines.join('')).not.toContain('pineapple');
});

it('keeps the causes of an error, and accepts a thrown value that is not an error', () => {
  const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  expect(safeError(new TypeError('away', { cause }))).toMatchObject({
    type: 'TypeError',
    message: 'away',
    cause: { message: 'refused', code: 'ECONNREFUSED' },
  });
  expect(safeError('pineapple')).toEqual({
    type: 'string',
    message: 'something other than an error was thrown',
    stack: '',
  });
});

describe('the line of a request at LOG_LEVEL info', () => {
  /** The lines of `count` requests. Polls for them, because a line is written after its response has arrived. */
  const linesOf = async (server: RunningServer, count: number): Promise<Line[]> => {
    const requests = (): Line[] =>
      server.logLines.map((line) => JSON.parse(line) as Line).filter(({ msg }) => msg === 'request');
    await expect.poll(() => requests().length).toBe(count);
    return requests();
  };

  it('contains the operation, the status, the duration, and the numbers of hits and misses', async () => {
    const server = await startServer({ redis: null });
    const named =
      'query Overview { a: categoryStats { id } b: topProducts { id } c: categoryStats @cache(mode: BYPASS) { id } }';
    await server.ask(named);
    await server.ask(named);
    const [first, second] = await linesOf(server, 2);
    expect(first).toMatchObject({
      level: 30,
      operation: 'Overview',
      path: '/graphql',
      status: 200,
      hits: 0,
      misses: 2,
    });
    expect(second).toMatchObject({ operation: 'Overview', status: 200, hits: 2, misses: 0 });
    expect(first?.requestId).toMatch(/\S/);
    for (const { durationMs = NaN } of [first, second].flatMap((line) => line ?? [])) {
      expect(String(durationMs)).toMatch(/^\d+(\.\d{1,2})?$/);
    }
    expect(second).not.toHaveProperty('errors');
    expect(second).not.toHaveProperty('isAborted');
  });

  it('contains the root fields of an operation without a name', async () => {
    const server = await startServer({ redis: null });
    await server.ask('{ categoryStats { id } topProducts { id } again: categoryStats { name } }');
    expect((await linesOf(server, 1))[0]?.operation).toBe('categoryStats, topProducts');
  });

  it('is written once for a cached response, with entries in memory or in Redis', async () => {
    for (const memoryBytesMax of [0, 1_000_000]) {
      const server = await startServer({ memoryBytesMax });
      const query = 'query Stats { categoryStats { id } }';
      for (let i = 0; i < 4; i += 1) await server.ask(query);
      const lines = await linesOf(server, 4);
      expect(lines.map(({ hits, misses }) => [hits, misses])).toEqual([
        [0, 1],
        [1, 0],
        [1, 0],
        [1, 0],
      ]);
      expect(new Set(lines.map(({ operation }) => operation))).toEqual(new Set(['Stats']));
      expect(server.executions()).toBe(2);
    }
  });

  it('contains the codes of errors, each once', async () => {
    const server = await startServer({ databaseUrl: 'postgres://shop:swordfish@127.0.0.1:1/shop' });
    await server.ask('{ a: categoryStats { id } b: topProducts { id } }');
    await server.ask('{ nothing }');
    await server.ask('{');
    await send(server.url, { headers: { 'content-type': 'text/plain' }, body: '{}' });
    await server.get('/nothing');
    const lines = await linesOf(server, 5);
    expect(lines.map(({ errors }) => errors)).toEqual([
      ['DATABASE_UNAVAILABLE'],
      ['GRAPHQL_VALIDATION_FAILED'],
      ['GRAPHQL_PARSE_FAILED'],
      ['BAD_USER_INPUT'],
      ['BAD_USER_INPUT'],
    ]);
    expect(lines.map(({ status }) => status)).toEqual([200, 200, 200, 415, 404]);
  });

  it('is the only line of each request while the database is unavailable, after one warning', async () => {
    const server = await startServer({ databaseUrl: 'postgres://shop:swordfish@127.0.0.1:1/shop' });
    for (let i = 0; i < 3; i += 1) await server.ask('{ a: categoryStats { id } b: topProducts { id } }');
    await linesOf(server, 3);
    const warned = server.logLines.filter((line) => line.includes('the database cannot be reached'));
    expect(warned.map((line) => JSON.parse(line) as object)).toEqual([
      expect.objectContaining({ level: 40, reason: 'connect ECONNREFUSED 127.0.0.1:1' }),
    ]);
  });

  it('is not written for probes, and for the files of the console', async () => {
    const server = await startServer();
    const { text } = await server.get('/graphql', { accept: 'text/html' });
    await linesOf(server, 1);
    for (const path of ['/livez', '/readyz', '/metrics', /\/console\/[^"]+\.js/.exec(text)?.[0] ?? ''])
      expect((await server.get(path)).status).toBe(200);
    await server.ask('{ categoryStats { id } }');
    expect((await linesOf(server, 2)).map(({ path }) => path)).toEqual(['/graphql', '/graphql']);
  });
});
