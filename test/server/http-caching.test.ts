// HTTP caching of responses to GETs: which caches may store them, for how long, and how clients revalidate them.
import SchemaBuilder from '@pothos/core';
import { describe, expect, it } from 'vitest';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { advanceUntil, TestClock } from '../cache/world.ts';
import { send, sendBytes, type RawAnswer } from './raw-request.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

interface Row {
  readonly id: number;
}

const cache = { scope: 'public', ttl: '60s' } as const;
const http = { ...cache, http: '30s' } as const;
let count = 0;
let held = Promise.resolve();

/** Holds the field `held` until the returned function is called. */
function hold(): () => void {
  let release = (): void => {};
  held = new Promise((resolve) => (release = resolve));
  return release;
}

/** Fields of every kind, with their HTTP policies. */
const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache: engine }) => {
  const builder = new SchemaBuilder<{ Context: { viewer: string | undefined } }>({ plugins: [CachePlugin] });
  const RowRef = builder.objectRef<Row>('Row').implement({
    fields: (t) => ({
      id: t.exposeInt('id'),
      child: t.int({ cache: { ...http, http: '5s', parentId: ({ id }) => id }, resolve: ({ id }) => id }),
      plain: t.int({ resolve: () => 1 }),
    }),
  });
  builder.queryType({
    fields: (t) => ({
      asked: t.int({ cache: { ...cache, tags: ['asked'] }, resolve: () => (count += 1) }),
      kept: t.int({ args: { n: t.arg.int() }, cache: http, resolve: () => 1 }),
      keptForAMinute: t.int({ cache: { ...http, http: '1m' }, resolve: () => 2 }),
      short: t.int({ cache: { ...http, ttl: '1s', http: '1s' }, resolve: () => 3 }),
      rows: t.field({ type: [RowRef], cache: http, resolve: () => [{ id: 1 }, { id: 2 }] }),
      many: t.field({
        type: [RowRef],
        cache: http,
        resolve: () => Array.from({ length: 60 }, (_, id) => ({ id })),
      }),
      mine: t.string({ cache: { ...cache, scope: 'private' }, resolve: (_root, _args, { viewer }) => `of ${viewer}` }),
      leaky: t.string({ cache: http, resolve: (_root, _args, { viewer }) => `of ${viewer}` }),
      varied: t.string({ cache: { ...cache, vary: () => 'here' }, resolve: () => 'here' }),
      fails: t.int({
        nullable: true,
        cache: http,
        resolve: () => {
          throw new Error('it fails');
        },
      }),
      uncached: t.int({ resolve: () => 1 }),
      held: t.int({ resolve: () => held.then(() => 1) }),
    }),
  });
  builder.mutationType({ fields: (t) => ({ change: t.int({ resolve: () => 1 }) }) });
  return builder.toSchema({
    cache: { engine, viewer: ({ viewer }) => viewer ?? 'anonymous', viewerProperties: ['viewer'] },
  });
};

type Headers = Record<string, string>;

function pathOf(query: string): string {
  return `/graphql?query=${encodeURIComponent(query)}`;
}

function get({ url }: RunningServer, query: string, headers: Headers = {}): Promise<RawAnswer> {
  return send(url, { method: 'GET', path: pathOf(query), headers });
}

/** An executed response and a cached one, both after the values have been stored. */
async function both(server: RunningServer, query: string, headers: Headers = {}): Promise<[RawAnswer, RawAnswer]> {
  await expect.poll(async () => cachingOf(await get(server, `${query} #`))).not.toContain(privateOnly);
  const first = await get(server, query, headers);
  let last = first;
  const isCached = async (): Promise<boolean> => {
    const before = server.executions();
    last = await get(server, query, headers);
    return server.executions() === before;
  };
  await expect.poll(isCached, { interval: 5 }).toBe(true);
  return [first, last];
}

/** A server whose cache's clock is stopped: the memory tier stays coherent if the machine stalls. */
async function start(overrides: Overrides = {}): Promise<RunningServer> {
  const clock = new TestClock();
  const server = await startServer({ schemaOf, memoryBytesMax: 1_000_000, clock, ...overrides });
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  return server;
}

const privateOnly = 'private, no-cache';

function cachingOf({ headers }: RawAnswer): unknown[] {
  return [headers['cache-control'], headers.vary];
}

describe('the response to a GET', () => {
  it('has an ETag, and may be stored by caches that revalidate it before each use', async () => {
    const server = await start();
    const [first, cached] = await both(server, '{ asked }');
    for (const response of [first, cached]) {
      expect(response.status).toBe(200);
      expect(cachingOf(response)).toEqual(['no-cache', 'accept']);
    }
    expect(first.headers.etag).toMatch(/^W\/"[\w-]{43}"$/);
    expect(cached.headers.etag).toBe(first.headers.etag);
    expect(cached.text).toBe(first.text);
  });

  it('has another ETag after its data have changed', async () => {
    const server = await start();
    const [before] = await both(server, '{ asked }');
    await server.cache.invalidate(['asked']);
    const after = await get(server, '{ asked }', { 'if-none-match': before.headers.etag ?? '' });
    expect(after.status).toBe(200);
    expect(after.headers.etag).not.toBe(before.headers.etag);
    expect(after.text).not.toBe(before.text);
  });

  it.each<[string, (etag: string) => Headers]>([
    ['the ETag', (etag) => ({ 'if-none-match': etag })],
    ['several ETags', (etag) => ({ 'if-none-match': `"x", ${etag} ,W/"y"` })],
    ['the ETag without its weak prefix', (etag) => ({ 'if-none-match': etag.slice(2) })],
    ['any ETag (*)', () => ({ 'if-none-match': '*' })],
    [
      'the ETag and the no-cache headers that fetch adds',
      (etag) => ({ 'if-none-match': etag, 'cache-control': 'no-cache', pragma: 'no-cache' }),
    ],
  ])('is a 304 if the client has %s', async (_, headersOf) => {
    const server = await start();
    const [{ headers }] = await both(server, '{ kept }');
    const conditional = headersOf(headers.etag ?? '');
    const cached = await get(server, '{ kept }', conditional);
    const executed = await get(server, '{ kept }', { ...conditional, accept: 'application/json' });
    for (const known of [cached, executed]) {
      expect([known.status, known.text]).toEqual([304, '']);
      expect(known.headers).toMatchObject({ etag: headers.etag, vary: 'accept', 'x-content-type-options': 'nosniff' });
      expect(known.headers['cache-control']).toMatch(/^public, max-age=\d+, must-revalidate$/);
    }
  });

  it.each(['"x"', 'W/""', '', 'x*', ','])('has its body if If-None-Match is %s', async (etag) => {
    const server = await start();
    await both(server, '{ kept }');
    for (const accept of ['*/*', 'application/json']) {
      const response = await get(server, '{ kept }', { 'if-none-match': etag, accept });
      expect([response.status, response.text]).toEqual([200, '{"data":{"kept":1}}']);
    }
  });

  it('is cached even if every request sends its ETag', async () => {
    const server = await start();
    const { headers } = await get(server, '{ kept }');
    const [, cached] = await both(server, '{ kept }', { 'if-none-match': headers.etag ?? '' });
    expect(cached.status).toBe(304);
  });

  it.each([
    ['{ kept }', 30],
    ['{ kept keptForAMinute }', 30],
    ['{ a: kept b: kept(n: 2) __typename }', 30],
    ['{ rows { id } }', 30],
    ['{ rows { id child } }', 5],
    ['{ kept keptForAMinute @skip(if: true) }', 30],
  ])('of %s may be stored for %i s', async (query, seconds) => {
    const server = await start();
    for (const response of await both(server, query)) {
      const [, maxAge] = /^public, max-age=(\d+), must-revalidate$/.exec(response.headers['cache-control'] ?? '') ?? [];
      expect(Number(maxAge)).toBe(seconds);
      expect(response.headers.vary).toBe('accept');
    }
  });

  it.each([
    ['with a field that has no HTTP policy', '{ kept asked }'],
    ['whose values stay fresh for less than another second', '{ short }'],
  ])('%s must be revalidated before each use', async (_, query) => {
    const server = await start();
    const seen = async (): Promise<unknown> => {
      const response = await get(server, query);
      return [response.headers['server-timing']?.includes('miss'), ...cachingOf(response)];
    };
    await expect.poll(seen).toEqual([false, 'no-cache', 'accept']);
  });

  it.each([
    ['private', '{ kept mine }'],
    ['varies', '{ kept varied }'],
    ['is not cached', '{ kept uncached }'],
    ['is not cached, below a cached one', '{ rows { plain } }'],
    ['reads the viewer although its scope is public', '{ leaky }'],
    ['bypasses the cache', '{ kept @cache(mode: BYPASS) }'],
    ['bypasses the cache, as the whole query', 'query @cache(mode: BYPASS) { kept }'],
    ['has a directive @cache, if only for the whole query', 'query @cache { kept }'],
    ['is one of more than a hundred cached fields', '{ many { child } a: many { child } }'],
    ['is __typename, and no field is cached', '{ __typename }'],
  ])('is private and revalidated if a field %s', async (_, query) => {
    const server = await start();
    for (let again = 0; again < 3; again += 1) {
      const response = await get(server, query);
      expect(response.status).toBe(200);
      const lastName = response.text.length < 1_024 ? '' : ', accept-encoding';
      expect(cachingOf(response)).toEqual([privateOnly, `accept, authorization${lastName}`]);
      const known = await get(server, query, { 'if-none-match': response.headers.etag ?? '' });
      expect([known.status, known.text, ...cachingOf(known)]).toEqual([304, '', ...cachingOf(response)]);
    }
  });

  it('is private while the store is unavailable, because its values are not stored', async () => {
    const server = await start({ redis: '/tmp/no-redis-is-here.sock', memoryBytesMax: 0 });
    expect(cachingOf(await get(server, '{ kept }'))).toEqual([privateOnly, 'accept, authorization']);
  });

  it.each([
    ['an error beside its data', '{ kept fails }', 200],
    ['a syntax error', '{ kept', 200],
    ['an unknown field', '{ none }', 200],
    ['no document', '', 400],
    ['a mutation', 'mutation { change }', 405],
  ])('with %s must not be stored', async (_, query, status) => {
    const server = await start();
    for (let again = 0; again < 2; again += 1) {
      const response = await get(server, query, { 'if-none-match': '*', accept: 'application/json' });
      expect([response.status, response.headers['cache-control'], response.headers.etag]).toEqual([
        status,
        'no-store',
        undefined,
      ]);
      expect(response.text).toContain('"errors"');
    }
  });
});

describe('the report of a GET', () => {
  it('is sent in Server-Timing, and the body is the same each time', async () => {
    const server = await start();
    const query = '{ again: kept rows { child } }';
    const [first, cached] = await both(server, query);
    expect(first.headers['server-timing']).toMatch(
      /^Query\.kept;desc="again: hit, redis, age \d+ ms";dur=[\d.]+, Query\.rows;desc="rows: hit, redis, age \d+ ms";dur=[\d.]+, Row\.child;desc="rows\.0\.child: /,
    );
    expect(cached.headers['server-timing']).toMatch(
      /^Query\.kept;desc="again: hit, (memory|redis), age \d+ ms";dur=[\d.]+, /,
    );
    expect([first.text, cached.text]).toEqual(Array(2).fill('{"data":{"again":1,"rows":[{"child":1},{"child":2}]}}'));
  });

  it('is omitted if the server has no report', async () => {
    const server = await start({ hasReport: false });
    for (const { headers } of await both(server, '{ kept }')) expect(headers['server-timing']).toBeUndefined();
  });

  it('is also sent with an error', async () => {
    const server = await start();
    expect((await get(server, '{ kept fails }')).headers['server-timing']).toMatch(/^Query\.kept;/);
  });

  it('is shortened to what proxies accept, and counts the omitted fields', async () => {
    const server = await start();
    const [first] = await both(server, '{ many { child } }');
    expect(first.headers['server-timing']).toMatch(/, more;desc="\d+ more"$/);
    const { headers } = await get(server, '{ many { child } a: many { child } }');
    const timing = String(headers['server-timing']);
    const [, more] = /, more;desc="(\d+) more"$/.exec(timing) ?? [];
    expect(timing.split(', ').filter((row) => row.includes(';dur=')).length + Number(more)).toBe(122);
    const long = await get(server, `{ ${'a'.repeat(100)}: kept }`);
    expect(first.headers['server-timing']?.length).toBeLessThan(2_100);
    expect(long.headers['server-timing']).toMatch(/^Query\.kept;desc="a{80}: miss/);
  });
});

it('the response to a POST has its report in the body, and no caching headers', async () => {
  const server = await start();
  for (let again = 0; again < 3; again += 1) {
    const body = JSON.stringify({ query: '{ kept }' });
    const headers = { 'content-type': 'application/json', 'if-none-match': '*' };
    const posted = await send(server.url, { headers, body });
    expect(posted.status).toBe(200);
    expect(posted.text).toContain('"extensions":{"cache"');
    for (const name of ['etag', 'cache-control', 'vary', 'server-timing']) expect(posted.headers[name]).toBeUndefined();
  }
});

describe('caches must not store', () => {
  it('a 404, which they would store by default', async () => {
    const { status, headers } = await (await start()).get('/nothing');
    expect([status, headers.get('cache-control')]).toEqual([404, 'no-store']);
  });

  it.each(['text/event-stream', 'text/*'])('a response for a client that accepts only %s', async (accept) => {
    const server = await start();
    await both(server, '{ kept }');
    const response = await get(server, '{ kept }', { accept, 'if-none-match': '*' });
    expect([response.status, response.headers.etag]).toEqual([200, undefined]);
    expect(response.headers['cache-control'] ?? '').not.toContain('max-age');
    expect(response.headers['content-type']).not.toContain('json');
  });

  it.each([
    ['headers that are too long', `X-A: ${'a'.repeat(17_000)}\r\n`],
    ['an invalid header', 'X-A\u0001: b\r\n'],
  ])('a refusal of %s', async (_, header) => {
    const server = await start();
    const text = await sendBytes(server.url, [`GET /graphql?query={kept} HTTP/1.1\r\nHost: a\r\n${header}\r\n`]);
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d [^]*\r\ncache-control: no-store\r\n/);
  });
});

it('a client that accepts event streams and JSON gets JSON, which it may store', async () => {
  const server = await start();
  const [, { headers }] = await both(server, '{ kept }', { accept: 'text/event-stream, application/json' });
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(headers.etag).toBeDefined();
});

it('a client that pipelines too many requests is disconnected, even if each response is a 304', async () => {
  const server = await start();
  await both(server, '{ kept }');
  const release = hold();
  const lines = (query: string, ...headers: string[]): string =>
    [`GET ${pathOf(query)} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n');
  const known = lines('{ kept }', 'If-None-Match: *');
  expect(await sendBytes(server.url, [lines('{ held }'), known.repeat(50)])).toBe('');
  release();
});
