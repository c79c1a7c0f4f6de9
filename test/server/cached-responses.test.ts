// Answers that never reach GraphQL, over HTTP: they are what GraphQL would have given, to the byte, and are kept as well.
import { once } from 'node:events';
import { request as open, type IncomingMessage } from 'node:http';
import { setImmediate as later } from 'node:timers/promises';
import SchemaBuilder from '@pothos/core';
import type { GraphQLSchema } from 'graphql';
import { describe, expect, inject, it } from 'vitest';
import { advanceUntil, TestClock } from '../cache/world.ts';
import { newTcpProxy } from '../support/tcp-proxy.ts';
import { systemClock } from '../../src/cache/base/clock.ts';
import type { Cache } from '../../src/cache/index.ts';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { send, sendBytes, type RawAnswer, type RawRequest } from './raw-request.ts';
import { logLevels, startServer, type Overrides, type RunningServer } from './start-server.ts';

const json = { 'content-type': 'application/json' };
const text = '{ categoryStats { id name } topProducts { name price } }';

function post(query: string, more: object = {}): RawRequest {
  return { headers: json, body: JSON.stringify({ query, ...more }) };
}

function get(query: string): RawRequest {
  return { method: 'GET', headers: {}, path: `/graphql?query=${encodeURIComponent(query)}` };
}

/** A server whose requests become ready. Its cache's clock stands still, so that memory is not distrusted after a stall. */
async function startReadyServer(overrides: Overrides = {}): Promise<RunningServer> {
  const clock = new TestClock();
  const server = await startServer({ memoryBytesMax: 8_000_000, clock, ...overrides });
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  return server;
}

/** Whether a request is answered without GraphQL. */
async function isReady(server: RunningServer, request: RawRequest): Promise<boolean> {
  const before = server.executions();
  await send(server.url, request);
  return server.executions() === before;
}

async function becomesReady(server: RunningServer, request: RawRequest): Promise<void> {
  await expect.poll(() => isReady(server, request), { interval: 5 }).toBe(true);
}

/** All of an answer that must be the same however it was come by. */
function comparable({ status, headers, text: body }: RawAnswer): unknown {
  const { 'x-request-id': _id, date: _date, 'content-length': _length, 'server-timing': timing, ...rest } = headers;
  const { data, errors, extensions } = JSON.parse(body || '{}') as Record<string, unknown>;
  return {
    status,
    headers: rest,
    data: JSON.stringify(data),
    errors,
    hasReport: extensions !== undefined || timing !== undefined,
  };
}

describe('an answer that is ready', () => {
  it.each<[string, RawRequest]>([
    ['a POST', post(text)],
    [
      'a POST with variables',
      post('query A($p: Int!) { topProducts(perCategory: $p) { name } }', { variables: { p: 2 } }),
    ],
    ['a POST with spaces around', { headers: json, body: ` ${JSON.stringify({ query: text })} \n` }],
    ['a GET', get(text)],
    [
      'one that takes the newer type',
      { ...post(text), headers: { ...json, accept: 'application/graphql-response+json' } },
    ],
    ['one that takes anything', { ...post(text), headers: { ...json, accept: '*/*' } }],
    [
      'one by proxy',
      { method: 'GET', headers: {}, path: `/graphql?query=${encodeURIComponent('{categoryStats{id}}')}&x=1` },
    ],
  ])('to %s has status, headers and bytes of one that is not', async (_, request) => {
    const [server, plain] = [await startReadyServer(), await startServer()];
    await becomesReady(server, request);
    await send(plain.url, request);
    expect(comparable(await send(server.url, request))).toEqual(comparable(await send(plain.url, request)));
  });

  it.each(logLevels)('has the very bytes, without a report: LOG_LEVEL %s', async (logLevel) => {
    const [server, plain] = [
      await startReadyServer({ hasReport: false, logLevel }),
      await startServer({ hasReport: false, logLevel }),
    ];
    await becomesReady(server, post(text));
    const [one, other] = [await send(server.url, post(text)), await send(plain.url, post(text))];
    expect(one.text).toBe(other.text);
    expect(one.headers['content-length']).toBe(other.headers['content-length']);
  });

  it.each([
    ['memory', 8_000_000],
    ['redis', 0],
  ])('has the same report, of values from %s', async (tier, memoryBytesMax) => {
    const server = await startReadyServer({ memoryBytesMax });
    await becomesReady(server, post('{ a: topProducts { name } categoryStats { id } }'));
    const { text: ready } = await send(server.url, post('{ a: topProducts { name } categoryStats { id } }'));
    const { text: usual } = await send(server.url, post('{ a: topProducts { name } categoryStats { id } } #'));
    const shape = (body: string): string => body.replace(/"(durationMs|ageMs|ttlMs)":[\d.]+/g, '"$1":0');
    expect(shape(ready)).toBe(shape(usual));
    expect(ready).toContain(`"source":"cache","state":"hit","tier":"${tier}"`);
  });

  it('counts in stats, metrics and the log, with the id of its request', async () => {
    const server = await startReadyServer({ logLevel: 'debug' });
    await becomesReady(server, post('{ categoryStats { id } }'));
    const stat = async (): Promise<number> =>
      (await server.ask<{ cacheStats: { hits: number } }>('{ cacheStats { hits } }')).data.cacheStats.hits;
    const metric = async (): Promise<number> =>
      Number(/^cachepot_requests_total\{.*tier="memory"\} (\d+)$/m.exec((await server.get('/metrics')).text)?.[1]);
    const before = [await stat(), await metric()];
    const request = { ...post('{ categoryStats { id } }'), headers: { ...json, 'x-request-id': 'r4711' } };
    expect((await send(server.url, request)).headers['x-request-id']).toBe('r4711');
    expect([await stat(), await metric()]).toEqual(before.map((count) => count + 1));
    const lines = (): string[] => server.logLines.filter((line) => line.includes('r4711'));
    await expect
      .poll(lines)
      .toMatchObject([
        expect.stringMatching(/"tier":"memory".*cache hit/),
        expect.stringMatching(/"status":200.*"request"/),
      ]);
  });

  it('has an id of its own each time, or that of its balancer', async () => {
    const server = await startReadyServer();
    await becomesReady(server, post(text));
    const idOf = async (given: object): Promise<unknown> =>
      (await send(server.url, { ...post(text), headers: { ...json, ...given } })).headers['x-request-id'];
    const ids = await Promise.all(Array.from({ length: 10 }, () => idOf({})));
    expect(new Set(ids).size).toBe(10);
    for (const id of ids) expect(id).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
    expect(await idOf({ 'x-request-id': 'r4711' })).toBe('r4711');
  });

  it('needs no token, and gives none away: mutations are never ready', async () => {
    const server = await startReadyServer({ adminToken: 'secret' });
    await becomesReady(server, post(text));
    const flush = post('mutation { flushCache { keysRemoved } }');
    const asAdmin = { ...flush, headers: { ...json, authorization: 'Bearer secret' } };
    for (let again = 0; again < 3; again += 1) expect((await send(server.url, asAdmin)).text).toContain('keysRemoved');
    expect((await send(server.url, flush)).status).toBe(401);
  });

  it('is none after flushCache, at once', async () => {
    const server = await startReadyServer();
    await becomesReady(server, post(text));
    await server.ask('mutation { flushCache { keysRemoved } }');
    expect(await isReady(server, post(text))).toBe(false);
  });

  it.each(logLevels)('says that its connection closes, while the server drains: LOG_LEVEL %s', async (logLevel) => {
    const server = await startReadyServer({ logLevel });
    await becomesReady(server, post(text));
    const closed = server.http.close({ drainMs: 3_000 });
    const { headers, status } = await send(server.url, {
      ...post(text),
      headers: { ...json, connection: 'keep-alive' },
    });
    expect([status, headers.connection]).toEqual([200, 'close']);
    await closed;
  });
});

it('an answer that is ready is read to its end by who reads slowly, also where the server closes meanwhile', async () => {
  const server = await startReadyServer({ schemaOf: bigSchema, memoryBytesMax: 64_000_000, readyBytesMax: 64_000_000 });
  const query = '{ a: big b: big c: big }';
  await becomesReady(server, post(query));
  const body = JSON.stringify({ query });
  const sent = open(`${server.url}/graphql`, { method: 'POST', headers: json, agent: false }).end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const closed = server.http.close({ drainMs: 0 });
  await expect.poll(() => server.http.server.listening).toBe(false);
  await later();
  let bytes = 0;
  for await (const chunk of answer) bytes += (chunk as Buffer).length;
  expect(bytes).toBeGreaterThan(3 * bigChars);
  await closed;
});

describe('an answer is not ready', () => {
  it.each<[string, RawRequest, number]>([
    ['as text/plain', { headers: { 'content-type': 'text/plain' } }, 415],
    ['as a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['as parts of a form', { headers: { 'content-type': 'multipart/form-data; boundary=a' } }, 415],
    ['as nothing', { headers: {} }, 415],
    ['that takes no JSON', { headers: { ...json, accept: 'image/png' } }, 406],
  ])('to a POST %s', async (_, { headers = {} }, status) => {
    const server = await startReadyServer();
    await becomesReady(server, post(text));
    expect((await send(server.url, { ...post(text), headers })).status).toBe(status);
  });

  it.each(['', '{}', '[]', 'null', '{', '""'])('to the body %j, which is refused each time', async (body) => {
    const server = await startReadyServer();
    for (let again = 0; again < 3; again += 1) {
      expect((await send(server.url, { headers: json, body })).status).toBe(400);
    }
  });

  it('to another method', async () => {
    const server = await startReadyServer();
    const asGet = get(text);
    await becomesReady(server, asGet);
    for (const method of ['PUT', 'DELETE']) {
      expect((await send(server.url, { ...asGet, method })).status).toBe(405);
    }
  });

  it('to a GET of another document, nor to a POST of nothing to the same URL', async () => {
    const server = await startReadyServer();
    const [one, other] = [get('{ categoryStats { id } }'), get('{ topProducts { id } }')];
    await becomesReady(server, one);
    expect((await send(server.url, other)).text).toContain('"topProducts":[');
    for (const body of ['', '{}']) {
      expect((await send(server.url, { ...one, method: 'POST', headers: json, body })).status).toBe(400);
    }
  });

  it.each(['text/event-stream', 'multipart/mixed, */*'])('that is a stream: %s', async (accept) => {
    const [server, plain] = [await startReadyServer(), await startServer()];
    await becomesReady(server, post('{ categoryStats { id } }'));
    const request = { ...post('{ categoryStats { id } }'), headers: { ...json, accept } };
    await send(plain.url, request);
    const usual = await send(plain.url, request);
    const shape = ({ text: body, headers }: RawAnswer): unknown => [
      body.replace(/"extensions":\{"cache".*?\]\}\}/, '').replace(/[\r\n]+/g, '\n'),
      headers['content-type'],
    ];
    for (let again = 0; again < 4; again += 1) expect(shape(await send(server.url, request))).toEqual(shape(usual));
  });

  it('for another operation of the same document', async () => {
    const server = await startReadyServer();
    const document = 'query A { categoryStats { id } } query B { topProducts { id } }';
    const [one, other] = [post(document, { operationName: 'B' }), post(document, { operationName: 'A' })];
    await becomesReady(server, one);
    expect((await send(server.url, one)).text).toContain('"topProducts":[');
    expect((await send(server.url, other)).text).toContain('"categoryStats":[');
  });

  it('of the schema, nor of what is refused: CONSOLE=off', async () => {
    const server = await startReadyServer({ hasConsole: false });
    await becomesReady(server, post(text));
    for (let again = 0; again < 3; again += 1) {
      expect((await server.ask('{ __schema { queryType { name } } }')).errors).not.toEqual([]);
      expect((await server.ask('{ categoryStats @cache(mode: USE) { id } }')).errors).not.toEqual([]);
    }
  });
});

it.each<[string, Overrides, Cache['revalidate']]>([
  ...logLevels.map((logLevel): [string, Overrides, Cache['revalidate']] => [
    `at once, ${logLevel}`,
    { logLevel },
    broken,
  ]),
  ['while the store is asked', { memoryBytesMax: 0 }, async () => broken()],
])('a fault on the way of a ready answer is answered, and the server lives on: %s', async (_, overrides, again) => {
  const server = await startReadyServer(overrides);
  await becomesReady(server, post(text));
  const faulty = Object.defineProperty(server.cache, 'revalidate', { configurable: true, value: again });
  expect((await send(server.url, post(text))).status).toBe(500);
  Reflect.deleteProperty(faulty, 'revalidate');
  expect((await send(server.url, post(text))).status).toBe(200);
});

function broken(): never {
  throw new Error('broken');
}

it('who waits while the store is asked for a ready answer gets it, also where the server closes meanwhile', async () => {
  const server = await startReadyServer({ memoryBytesMax: 0 });
  await becomesReady(server, post(text));
  const { cache } = server;
  const again = cache.revalidate.bind(cache);
  let answerNow = (): void => {};
  const isAsked = new Promise<void>((asked) => {
    const value: Cache['revalidate'] = (held) => {
      asked();
      return new Promise<void>((resolve) => (answerNow = resolve)).then(() => again(held));
    };
    Object.defineProperty(cache, 'revalidate', { value });
  });
  const answer = send(server.url, post(text));
  await isAsked;
  const closed = server.http.close({ drainMs: 0 });
  await expect.poll(() => server.http.server.listening).toBe(false);
  await later();
  answerNow();
  expect((await answer).status).toBe(200);
  await closed;
});

it.each(logLevels)('answers what was sent ahead on one connection in its order: LOG_LEVEL %s', async (logLevel) => {
  const server = await startReadyServer({ logLevel });
  const body = JSON.stringify({ query: '{ categoryStats { id } }' });
  await becomesReady(server, { headers: json, body });
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: `;
  const slow = JSON.stringify({ query: '{ __typename }' });
  const last = `${head.replace('Host: a', 'Host: a\r\nConnection: close')}${body.length}\r\n\r\n${body}`;
  const answers = await sendBytes(server.url, [`${head}${slow.length}\r\n\r\n${slow}`, last]);
  expect(answers).toMatch(/__typename.*categoryStats/s);
});

/** Three of them are more than the kernel takes for somebody who does not read. */
const bigChars = 3_500_000;

function bigSchema({ cache }: { cache: Cache }): GraphQLSchema {
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
  builder.queryType({
    fields: (t) => ({
      big: t.string({ cache: { scope: 'public', ttl: '60s' }, resolve: () => 'x'.repeat(bigChars) }),
    }),
  });
  return builder.toSchema({ cache: { engine: cache } });
}

it('who asks for an answer that is ready waits for a hung Redis once, as anybody does', async () => {
  const proxy = await newTcpProxy(inject('redisSocketPath'));
  const server = await startReadyServer({
    redis: proxy.address,
    memoryBytesMax: 0,
    clock: systemClock,
    deadlineMs: 500,
  });
  await becomesReady(server, post(text));
  const failed: string[] = [];
  server.cache.on((event) => void (event.type === 'store-failed' && failed.push(event.operation)));
  proxy.isBlackHole = true;
  expect((await send(server.url, post(text))).text).toContain('"source":"database"');
  expect(failed).toEqual(['confirm']);
});
