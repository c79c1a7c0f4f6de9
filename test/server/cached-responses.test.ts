// Cached responses over HTTP: they are sent without executing GraphQL, and equal its responses byte for byte.
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

/** A server that caches responses. Its cache's clock is stopped: the memory tier stays coherent if the machine stalls. */
async function startCaching(overrides: Overrides = {}): Promise<RunningServer> {
  const clock = new TestClock();
  const server = await startServer({ memoryBytesMax: 8_000_000, clock, ...overrides });
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  return server;
}

/** Whether a request is answered without executing GraphQL. */
async function isCached(server: RunningServer, request: RawRequest): Promise<boolean> {
  const before = server.executions();
  await send(server.url, request);
  return server.executions() === before;
}

async function becomesCached(server: RunningServer, request: RawRequest): Promise<void> {
  await expect.poll(() => isCached(server, request), { interval: 5 }).toBe(true);
}

/** What must be the same in a cached and in an executed response. */
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

describe('a cached response', () => {
  it.each<[string, RawRequest]>([
    ['a POST', post(text)],
    [
      'a POST with variables',
      post('query A($p: Int!) { topProducts(perCategory: $p) { name } }', { variables: { p: 2 } }),
    ],
    ['a POST with whitespace around its body', { headers: json, body: ` ${JSON.stringify({ query: text })} \n` }],
    ['a GET', get(text)],
    [
      'a POST that accepts application/graphql-response+json',
      { ...post(text), headers: { ...json, accept: 'application/graphql-response+json' } },
    ],
    ['a POST that accepts */*', { ...post(text), headers: { ...json, accept: '*/*' } }],
    [
      'a GET with another query parameter',
      { method: 'GET', headers: {}, path: `/graphql?query=${encodeURIComponent('{categoryStats{id}}')}&x=1` },
    ],
  ])('to %s has the status, headers and data of an executed response', async (_, request) => {
    const [server, plain] = [await startCaching(), await startServer()];
    await becomesCached(server, request);
    await send(plain.url, request);
    expect(comparable(await send(server.url, request))).toEqual(comparable(await send(plain.url, request)));
  });

  it.each(logLevels)('without a report has the bytes of an executed response: LOG_LEVEL %s', async (logLevel) => {
    const [server, plain] = [
      await startCaching({ hasReport: false, logLevel }),
      await startServer({ hasReport: false, logLevel }),
    ];
    await becomesCached(server, post(text));
    const [one, other] = [await send(server.url, post(text)), await send(plain.url, post(text))];
    expect(one.text).toBe(other.text);
    expect(one.headers['content-length']).toBe(other.headers['content-length']);
  });

  it.each([
    ['memory', 8_000_000],
    ['redis', 0],
  ])('has the report of an executed response, with values from %s', async (tier, memoryBytesMax) => {
    const server = await startCaching({ memoryBytesMax });
    await becomesCached(server, post('{ a: topProducts { name } categoryStats { id } }'));
    const { text: cached } = await send(server.url, post('{ a: topProducts { name } categoryStats { id } }'));
    const { text: executed } = await send(server.url, post('{ a: topProducts { name } categoryStats { id } } #'));
    const shape = (body: string): string => body.replace(/"(startMs|durationMs|ageMs|ttlMs)":[\d.]+/g, '"$1":0');
    expect(shape(cached)).toBe(shape(executed));
    expect(cached).toContain(`"source":"cache","state":"hit","tier":"${tier}"`);
  });

  it('counts as a hit in stats and metrics, and is logged with the id of its request', async () => {
    const server = await startCaching({ logLevel: 'debug' });
    await becomesCached(server, post('{ categoryStats { id } }'));
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

  it('has a request id of its own each time, or the one that the load balancer sent', async () => {
    const server = await startCaching();
    await becomesCached(server, post(text));
    const idOf = async (given: object): Promise<unknown> =>
      (await send(server.url, { ...post(text), headers: { ...json, ...given } })).headers['x-request-id'];
    const ids = await Promise.all(Array.from({ length: 10 }, () => idOf({})));
    expect(new Set(ids).size).toBe(10);
    for (const id of ids) expect(id).toMatch(/^[\w-]{12}-[0-9a-z]+$/);
    expect(await idOf({ 'x-request-id': 'r4711' })).toBe('r4711');
  });

  it('needs no admin token; the response to a mutation is never cached', async () => {
    const server = await startCaching({ adminToken: 'secret' });
    await becomesCached(server, post(text));
    const flush = post('mutation { flushCache { keysRemoved } }');
    const asAdmin = { ...flush, headers: { ...json, authorization: 'Bearer secret' } };
    for (let again = 0; again < 3; again += 1) expect((await send(server.url, asAdmin)).text).toContain('keysRemoved');
    expect((await send(server.url, flush)).status).toBe(401);
  });

  it('is not used after flushCache has returned', async () => {
    const server = await startCaching();
    await becomesCached(server, post(text));
    await server.ask('mutation { flushCache { keysRemoved } }');
    expect(await isCached(server, post(text))).toBe(false);
  });

  it.each(logLevels)('announces that its connection closes while the server drains: LOG_LEVEL %s', async (logLevel) => {
    const server = await startCaching({ logLevel });
    await becomesCached(server, post(text));
    const closed = server.http.close({ drainMs: 3_000 });
    const { headers, status } = await send(server.url, {
      ...post(text),
      headers: { ...json, connection: 'keep-alive' },
    });
    expect([status, headers.connection]).toEqual([200, 'close']);
    await closed;
  });
});

it('a slow client receives all of a cached response, even if the server closes meanwhile', async () => {
  const server = await startCaching({ schemaOf: bigSchema, memoryBytesMax: 64_000_000, responseBytesMax: 64_000_000 });
  const query = '{ a: big b: big c: big }';
  await becomesCached(server, post(query));
  const body = JSON.stringify({ query });
  const sent = open(`${server.url}/graphql`, { method: 'POST', headers: json, agent: false }).end(body);
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  const closed = server.http.close({ drainMs: 0 });
  await expect.poll(() => server.http.server.listening).toBe(false);
  await later();
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  expect(bytes).toBeGreaterThan(3 * bigChars);
  await closed;
});

describe('no cached response is used', () => {
  it.each<[string, RawRequest, number]>([
    ['of text/plain', { headers: { 'content-type': 'text/plain' } }, 415],
    ['of a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['of a multipart form', { headers: { 'content-type': 'multipart/form-data; boundary=a' } }, 415],
    ['without a content type', { headers: {} }, 415],
    ['that does not accept JSON', { headers: { ...json, accept: 'image/png' } }, 406],
  ])('for a POST %s', async (_, { headers = {} }, status) => {
    const server = await startCaching();
    await becomesCached(server, post(text));
    expect((await send(server.url, { ...post(text), headers })).status).toBe(status);
  });

  it.each(['', '{}', '[]', 'null', '{', '""'])('for the body %j, which is refused each time', async (body) => {
    const server = await startCaching();
    for (let again = 0; again < 3; again += 1) {
      expect((await send(server.url, { headers: json, body })).status).toBe(400);
    }
  });

  it('for another method', async () => {
    const server = await startCaching();
    const asGet = get(text);
    await becomesCached(server, asGet);
    for (const method of ['PUT', 'DELETE']) {
      expect((await send(server.url, { ...asGet, method })).status).toBe(405);
    }
  });

  it('for a GET with another document, or for a POST without a document to the same URL', async () => {
    const server = await startCaching();
    const [one, other] = [get('{ categoryStats { id } }'), get('{ topProducts { id } }')];
    await becomesCached(server, one);
    expect((await send(server.url, other)).text).toContain('"topProducts":[');
    for (const body of ['', '{}']) {
      expect((await send(server.url, { ...one, method: 'POST', headers: json, body })).status).toBe(400);
    }
  });

  it.each(['text/event-stream', 'multipart/mixed, */*'])('for a client that accepts a stream: %s', async (accept) => {
    const [server, plain] = [await startCaching(), await startServer()];
    await becomesCached(server, post('{ categoryStats { id } }'));
    const request = { ...post('{ categoryStats { id } }'), headers: { ...json, accept } };
    await send(plain.url, request);
    const executed = await send(plain.url, request);
    const shape = ({ text: body, headers }: RawAnswer): unknown => [
      body.replace(/"extensions":\{"cache".*?\]\}\}/, '').replace(/[\r\n]+/g, '\n'),
      headers['content-type'],
    ];
    for (let again = 0; again < 4; again += 1) expect(shape(await send(server.url, request))).toEqual(shape(executed));
  });

  it('for another operation of the same document', async () => {
    const server = await startCaching();
    const document = 'query A { categoryStats { id } } query B { topProducts { id } }';
    const [one, other] = [post(document, { operationName: 'B' }), post(document, { operationName: 'A' })];
    await becomesCached(server, one);
    expect((await send(server.url, one)).text).toContain('"topProducts":[');
    expect((await send(server.url, other)).text).toContain('"categoryStats":[');
  });

  it('for introspection or @cache, which are refused with CONSOLE=off', async () => {
    const server = await startCaching({ hasConsole: false });
    await becomesCached(server, post(text));
    for (let again = 0; again < 3; again += 1) {
      expect((await server.ask('{ __schema { queryType { name } } }')).errors).not.toEqual([]);
      expect((await server.ask('{ categoryStats @cache(mode: USE) { id } }')).errors).not.toEqual([]);
    }
  });
});

it.each<[string, Overrides, Cache['revalidate']]>([
  ...logLevels.map((logLevel): [string, Overrides, Cache['revalidate']] => [
    `by throwing, LOG_LEVEL ${logLevel}`,
    { logLevel },
    broken,
  ]),
  ['by rejecting', { memoryBytesMax: 0 }, async () => broken()],
])('responds 500 once if revalidating a cached response fails %s', async (_, overrides, revalidate) => {
  const server = await startCaching(overrides);
  await becomesCached(server, post(text));
  const faulty = Object.defineProperty(server.cache, 'revalidate', { configurable: true, value: revalidate });
  expect((await send(server.url, post(text))).status).toBe(500);
  Reflect.deleteProperty(faulty, 'revalidate');
  expect((await send(server.url, post(text))).status).toBe(200);
});

function broken(): never {
  throw new Error('broken');
}

it('sends a cached response after revalidating it in the store, even if the server closes meanwhile', async () => {
  const server = await startCaching({ memoryBytesMax: 0 });
  await becomesCached(server, post(text));
  const { cache } = server;
  const revalidate = cache.revalidate.bind(cache);
  let proceed = (): void => {};
  const isRevalidating = new Promise<void>((begin) => {
    const value: Cache['revalidate'] = (held) => {
      begin();
      return new Promise<void>((resolve) => (proceed = resolve)).then(() => revalidate(held));
    };
    Object.defineProperty(cache, 'revalidate', { value });
  });
  const response = send(server.url, post(text));
  await isRevalidating;
  const closed = server.http.close({ drainMs: 0 });
  await expect.poll(() => server.http.server.listening).toBe(false);
  await later();
  proceed();
  expect((await response).status).toBe(200);
  await closed;
});

it.each(logLevels)('answers pipelined requests in their order: LOG_LEVEL %s', async (logLevel) => {
  const server = await startCaching({ logLevel });
  const body = JSON.stringify({ query: '{ categoryStats { id } }' });
  await becomesCached(server, { headers: json, body });
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: `;
  const slow = JSON.stringify({ query: '{ __typename }' });
  const last = `${head.replace('Host: a', 'Host: a\r\nConnection: close')}${body.length}\r\n\r\n${body}`;
  const responses = await sendBytes(server.url, [`${head}${slow.length}\r\n\r\n${slow}`, last]);
  expect(responses).toMatch(/__typename.*categoryStats/s);
});

/** Three such values exceed what the kernel buffers for a client that does not read. */
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

it('a request for a cached response waits only once for a Redis that does not respond', async () => {
  const proxy = await newTcpProxy(inject('redisSocketPath'));
  const server = await startCaching({
    redis: proxy.address,
    memoryBytesMax: 0,
    clock: systemClock,
    deadlineMs: 500,
  });
  await becomesCached(server, post(text));
  const failed: string[] = [];
  server.cache.on((event) => void (event.type === 'store-failed' && failed.push(event.operation)));
  proxy.isBlackHole = true;
  expect((await send(server.url, post(text))).text).toContain('"source":"database"');
  expect(failed).toEqual(['confirm']);
});
