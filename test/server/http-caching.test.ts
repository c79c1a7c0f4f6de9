// HTTP's own caching of GETs: who may keep an answer, for how long, and how he asks whether it still holds.
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

/** Fields of every kind, with what their policies say of HTTP. */
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
    cache: { engine, viewer: ({ viewer }) => viewer ?? 'nobody', viewerProperties: ['viewer'] },
  });
};

type Headers = Record<string, string>;

function pathOf(query: string): string {
  return `/graphql?query=${encodeURIComponent(query)}`;
}

function get({ url }: RunningServer, query: string, headers: Headers = {}): Promise<RawAnswer> {
  return send(url, { method: 'GET', path: pathOf(query), headers });
}

/** The answer through GraphQL, and one of those that never reach it; of values that are stored. */
async function both(server: RunningServer, query: string, headers: Headers = {}): Promise<[RawAnswer, RawAnswer]> {
  await expect.poll(async () => told(await get(server, `${query} #`))).not.toContain(forNobody);
  const first = await get(server, query, headers);
  let ready = first;
  const isReady = async (): Promise<boolean> => {
    const before = server.executions();
    ready = await get(server, query, headers);
    return server.executions() === before;
  };
  await expect.poll(isReady, { interval: 5 }).toBe(true);
  return [first, ready];
}

/** A server whose cache's clock stands still, so that memory is not distrusted after a stall. */
async function start(overrides: Overrides = {}): Promise<RunningServer> {
  const clock = new TestClock();
  const server = await startServer({ schemaOf, memoryBytesMax: 1_000_000, clock, ...overrides });
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  return server;
}

const forNobody = 'private, no-cache';

function told({ headers }: RawAnswer): unknown[] {
  return [headers['cache-control'], headers.vary];
}

describe('an answer to a GET', () => {
  it('says what it is by its ETag, and may be kept by who asks each time', async () => {
    const server = await start();
    const [first, ready] = await both(server, '{ asked }');
    for (const answer of [first, ready]) {
      expect(answer.status).toBe(200);
      expect(told(answer)).toEqual(['no-cache', 'accept']);
    }
    expect(first.headers.etag).toMatch(/^W\/"[\w-]{43}"$/);
    expect(ready.headers.etag).toBe(first.headers.etag);
    expect(ready.text).toBe(first.text);
  });

  it('has another ETag when its data are others', async () => {
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
    ['several', (etag) => ({ 'if-none-match': `"x", ${etag} ,W/"y"` })],
    ['the ETag made strong', (etag) => ({ 'if-none-match': etag.slice(2) })],
    ['any', () => ({ 'if-none-match': '*' })],
    [
      'the ETag as fetch sends it',
      (etag) => ({ 'if-none-match': etag, 'cache-control': 'no-cache', pragma: 'no-cache' }),
    ],
  ])('is told by 304 to who has %s', async (_, headersOf) => {
    const server = await start();
    const [{ headers }] = await both(server, '{ kept }');
    const asking = headersOf(headers.etag ?? '');
    const ready = await get(server, '{ kept }', asking);
    const executed = await get(server, '{ kept }', { ...asking, accept: 'application/json' });
    for (const answer of [ready, executed]) {
      expect([answer.status, answer.text]).toEqual([304, '']);
      expect(answer.headers).toMatchObject({ etag: headers.etag, vary: 'accept', 'x-content-type-options': 'nosniff' });
      expect(answer.headers['cache-control']).toMatch(/^public, max-age=\d+, must-revalidate$/);
    }
  });

  it.each(['"x"', 'W/""', '', 'x*', ','])('is whole to who has %s', async (etag) => {
    const server = await start();
    await both(server, '{ kept }');
    for (const accept of ['*/*', 'application/json']) {
      const answer = await get(server, '{ kept }', { 'if-none-match': etag, accept });
      expect([answer.status, answer.text]).toEqual([200, '{"data":{"kept":1}}']);
    }
  });

  it('becomes ready where everybody asks by its ETag', async () => {
    const server = await start();
    const { headers } = await get(server, '{ kept }');
    const [, ready] = await both(server, '{ kept }', { 'if-none-match': headers.etag ?? '' });
    expect(ready.status).toBe(304);
  });

  it.each([
    ['{ kept }', 30],
    ['{ kept keptForAMinute }', 30],
    ['{ a: kept b: kept(n: 2) __typename }', 30],
    ['{ rows { id } }', 30],
    ['{ rows { id child } }', 5],
    ['{ kept keptForAMinute @skip(if: true) }', 30],
  ])('%s is kept for %i s', async (query, seconds) => {
    const server = await start();
    for (const answer of await both(server, query)) {
      const [, maxAge] = /^public, max-age=(\d+), must-revalidate$/.exec(answer.headers['cache-control'] ?? '') ?? [];
      expect(Number(maxAge)).toBe(seconds);
      expect(answer.headers.vary).toBe('accept');
    }
  });

  it.each([
    ['that one of its fields says nothing of', '{ kept asked }'],
    ['whose values are fresh for less than a second more', '{ short }'],
  ])('%s is not kept without asking', async (_, query) => {
    const server = await start();
    const hit = async (): Promise<unknown> => {
      const answer = await get(server, query);
      return [answer.headers['server-timing']?.includes('miss'), ...told(answer)];
    };
    await expect.poll(hit).toEqual([false, 'no-cache', 'accept']);
  });

  it.each([
    ['private', '{ kept mine }'],
    ['varies', '{ kept varied }'],
    ['is not cached', '{ kept uncached }'],
    ['is not cached, below one that is', '{ rows { plain } }'],
    ['was made for who asks, although it is said to be public', '{ leaky }'],
    ['goes past the cache', '{ kept @cache(mode: BYPASS) }'],
    ['is one of more than a hundred', '{ many { child } a: many { child } }'],
    ['is about the schema', '{ __typename }'],
  ])('of which a field is or does so: %s, is for nobody else', async (_, query) => {
    const server = await start();
    for (let again = 0; again < 3; again += 1) {
      const answer = await get(server, query);
      expect(answer.status).toBe(200);
      const whatElse = answer.text.length < 1_024 ? '' : ', accept-encoding';
      expect(told(answer)).toEqual([forNobody, `accept, authorization${whatElse}`]);
      const known = await get(server, query, { 'if-none-match': answer.headers.etag ?? '' });
      expect([known.status, known.text, ...told(known)]).toEqual([304, '', ...told(answer)]);
    }
  });

  it('is for nobody else while the store is away, who might tell that it was made for one alone', async () => {
    const server = await start({ redis: '/tmp/no-redis-is-here.sock', memoryBytesMax: 0 });
    expect(told(await get(server, '{ kept }'))).toEqual([forNobody, 'accept, authorization']);
  });

  it.each([
    ['an error among its data', '{ kept fails }', 200],
    ['a syntax error', '{ kept', 200],
    ['an unknown field', '{ none }', 200],
    ['no document', '', 400],
    ['a mutation', 'mutation { change }', 405],
  ])('with %s is never kept', async (_, query, status) => {
    const server = await start();
    for (let again = 0; again < 2; again += 1) {
      const answer = await get(server, query, { 'if-none-match': '*', accept: 'application/json' });
      expect([answer.status, answer.headers['cache-control'], answer.headers.etag]).toEqual([
        status,
        'no-store',
        undefined,
      ]);
      expect(answer.text).toContain('"errors"');
    }
  });
});

describe('the report of a GET', () => {
  it('is told by Server-Timing, and its body is the same each time', async () => {
    const server = await start();
    const query = '{ again: kept rows { child } }';
    const [first, ready] = await both(server, query);
    expect(first.headers['server-timing']).toMatch(
      /^Query\.kept;desc="again: hit, redis, age \d+ ms";dur=[\d.]+, Query\.rows;desc="rows: hit, redis, age \d+ ms";dur=[\d.]+, Row\.child;desc="rows\.0\.child: /,
    );
    expect(ready.headers['server-timing']).toMatch(
      /^Query\.kept;desc="again: hit, (memory|redis), age \d+ ms";dur=[\d.]+, /,
    );
    expect([first.text, ready.text]).toEqual(Array(2).fill('{"data":{"again":1,"rows":[{"child":1},{"child":2}]}}'));
  });

  it('is none where the server gives none', async () => {
    const server = await start({ hasReport: false });
    for (const { headers } of await both(server, '{ kept }')) expect(headers['server-timing']).toBeUndefined();
  });

  it('tells of an error, too', async () => {
    const server = await start();
    expect((await get(server, '{ kept fails }')).headers['server-timing']).toMatch(/^Query\.kept;/);
  });

  it('is no longer than a proxy takes', async () => {
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

it('an answer to a POST has its report in the body, and says nothing of HTTP', async () => {
  const server = await start();
  for (let again = 0; again < 3; again += 1) {
    const body = JSON.stringify({ query: '{ kept }' });
    const headers = { 'content-type': 'application/json', 'if-none-match': '*' };
    const answer = await send(server.url, { headers, body });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('"extensions":{"cache"');
    for (const name of ['etag', 'cache-control', 'vary', 'server-timing']) expect(answer.headers[name]).toBeUndefined();
  }
});

describe('not to be kept is', () => {
  it('what stands at no path, which caches would keep as they see fit', async () => {
    const { status, headers } = await (await start()).get('/nothing');
    expect([status, headers.get('cache-control')]).toEqual([404, 'no-store']);
  });

  it.each(['text/event-stream', 'text/*'])('%s', async (accept) => {
    const server = await start();
    await both(server, '{ kept }');
    const answer = await get(server, '{ kept }', { accept, 'if-none-match': '*' });
    expect([answer.status, answer.headers.etag]).toEqual([200, undefined]);
    expect(answer.headers['cache-control'] ?? '').not.toContain('max-age');
    expect(answer.headers['content-type']).not.toContain('json');
  });

  it.each([
    ['headers that are too long', `X-A: ${'a'.repeat(17_000)}\r\n`],
    ['a header that is none', 'X-A\u0001: b\r\n'],
  ])('a refusal for %s', async (_, header) => {
    const server = await start();
    const text = await sendBytes(server.url, [`GET /graphql?query={kept} HTTP/1.1\r\nHost: a\r\n${header}\r\n`]);
    expect(text).toMatch(/^HTTP\/1\.1 4\d\d [^]*\r\ncache-control: no-store\r\n/);
  });
});

it('who takes events and JSON is given JSON, and may keep it', async () => {
  const server = await start();
  const [, { headers }] = await both(server, '{ kept }', { accept: 'text/event-stream, application/json' });
  expect(headers['content-type']).toMatch(/^application\/json/);
  expect(headers.etag).toBeDefined();
});

it('who sends ahead is cut off, also where all that he is told is 304', async () => {
  const server = await start();
  await both(server, '{ kept }');
  const release = hold();
  const lines = (query: string, ...headers: string[]): string =>
    [`GET ${pathOf(query)} HTTP/1.1`, 'Host: a', ...headers, '', ''].join('\r\n');
  const known = lines('{ kept }', 'If-None-Match: *');
  expect(await sendBytes(server.url, [lines('{ held }'), known.repeat(50)])).toBe('');
  release();
});
