// The tags of responses to GETs, as a CDN in front of the server sees them: `CDN_TAGS`.
import SchemaBuilder from '@pothos/core';
import { describe, expect, it } from 'vitest';
import type { CdnOptions } from '../../src/cache/index.ts';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { TestClock } from '../cache/world.ts';
import { newShop } from '../database/shop-database.ts';
import { CdnSimulator, type Origin } from '../pothos-cache/cdn-simulator.ts';
import { mutate } from './mutate.ts';
import { send, type RawAnswer } from './raw-request.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

/** Fields of every kind, beside those that read the shop's tables. */
const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache: engine }) => {
  const builder = new SchemaBuilder<{ Context: { viewer: string | undefined } }>({ plugins: [CachePlugin] });
  const cache = { scope: 'public', ttl: '60s', tags: ['plain'] } as const;
  builder.queryType({
    fields: (t) => ({
      asked: t.int({ cache, resolve: () => 1 }),
      kept: t.int({ cache: { ...cache, cdn: '30s', tags: ['products:42', 'home page'] }, resolve: () => 2 }),
      mine: t.string({ cache: { ...cache, scope: 'private' }, resolve: (_root, _args, { viewer }) => `of ${viewer}` }),
      many: t.int({
        cache: { ...cache, http: '30s', tags: Array.from({ length: 60 }, (_, n) => `t${n}`) },
        resolve: () => 3,
      }),
      uncached: t.int({ resolve: () => 4 }),
      fails: t.int({
        nullable: true,
        cache,
        resolve: () => {
          throw new Error('it fails');
        },
      }),
    }),
  });
  return builder.toSchema({
    cache: { engine, viewer: ({ viewer }) => viewer ?? 'anonymous', viewerProperties: ['viewer'] },
  });
};

function pathOf(query: string): string {
  return `/graphql?query=${encodeURIComponent(query)}`;
}

function get(
  { url }: Pick<RunningServer, 'url'>,
  query: string,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  return send(url, { method: 'GET', path: pathOf(query), headers });
}

function tagsOf({ headers }: RawAnswer): unknown[] {
  return [headers['cache-tag'], headers['surrogate-key']];
}

const none = [undefined, undefined];

function start(cdn: CdnOptions | undefined, overrides: Overrides = {}): Promise<RunningServer> {
  return startServer({ schemaOf, namespace: 'cdn', redis: null, ...(cdn && { cdn }), ...overrides });
}

/** A response that was executed after its values had been stored, and one from the response cache. */
async function both(
  server: RunningServer,
  query: string,
  headers: Record<string, string> = {},
): Promise<[executed: RawAnswer, cached: RawAnswer]> {
  await get(server, `${query} #`);
  const first = await get(server, query, headers);
  const before = server.executions();
  const cached = await get(server, query, headers);
  expect(server.executions()).toBe(before);
  return [first, cached];
}

describe('the response to a GET', () => {
  it('has the tags of its values in both headers, executed or cached, with its body or as a 304', async () => {
    const server = await start({});
    const [{ headers }] = await both(server, '{ kept asked }');
    const conditional = { 'if-none-match': headers.etag ?? '' };
    const responses = [
      ...(await both(server, '{ kept asked }')),
      await get(server, '{ kept asked }', conditional),
      await get(server, '{ kept asked }', { ...conditional, accept: 'application/json' }),
    ];
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 304, 304]);
    for (const response of responses) {
      const [cacheTag, surrogateKey] = tagsOf(response);
      expect(String(cacheTag).split(',')).toEqual([
        ...['cdn', 'cdn.products.42', 'cdn.home%20page', 'cdn.products.!', 'cdn.plain'],
        ...[expect.stringMatching(/^cdn![0-9a-f]{20}$/), expect.stringMatching(/^cdn![0-9a-f]{20}$/)],
      ]);
      expect(surrogateKey).toBe(String(cacheTag).replaceAll(',', ' '));
      expect(response.headers['cache-control']).toBe('no-cache, max-age=0');
    }
  });

  it('says how long a CDN may keep it, while browsers ask', async () => {
    const server = await start({}, { clock: new TestClock() });
    for (const { headers } of await both(server, '{ kept }')) {
      expect(headers['cache-control']).toBe('public, max-age=0, s-maxage=30, must-revalidate');
    }
  });

  it('reveals no names with a secret', async () => {
    const server = await start({ secret: 'a secret of 16 characters or more' });
    for (const response of await both(server, '{ kept asked }')) {
      expect(String(response.headers['cache-tag'])).toMatch(/^([0-9a-f]{20},){6}[0-9a-f]{20}$/);
    }
  });

  it('has no tags, and is not for CDNs, if there are too many', async () => {
    const server = await start({}, { clock: new TestClock() });
    for (const response of await both(server, '{ many }')) {
      expect(tagsOf(response)).toEqual(none);
      expect(response.headers['cache-control']).toBe('private, max-age=30, must-revalidate');
    }
  });

  it('has no tags if it is not configured', async () => {
    const server = await start(undefined);
    for (const response of await both(server, '{ kept asked }')) {
      expect(tagsOf(response)).toEqual(none);
      expect(response.headers['cache-control']).toBe('no-cache');
    }
  });

  it.each([
    ['a private field', '{ kept mine }'],
    ['a field that is not cached', '{ kept uncached }'],
    ['an error', '{ kept fails }'],
    ['a syntax error', '{ kept'],
    ['a field that bypasses the cache', '{ kept @cache(mode: BYPASS) }'],
  ])('has no tags with %s', async (_title, query) => {
    const server = await start({});
    for (const _ of [1, 2, 3]) expect(tagsOf(await get(server, query))).toEqual(none);
  });
});

it('the response to a POST has no tags, executed, on the fast path, or cached', async () => {
  const server = await start({});
  const headers = { 'content-type': 'application/json' };
  for (const _ of [1, 2, 3, 4]) {
    const response = await send(server.url, { headers, body: JSON.stringify({ query: '{ kept }' }) });
    expect([response.status, ...tagsOf(response)]).toEqual([200, ...none]);
  }
});

/** A shop behind a simulated CDN that keeps whatever is tagged. */
async function startBehindCdn(): Promise<{ server: RunningServer; cdn: CdnSimulator; purges: (readonly string[])[] }> {
  const { url: databaseUrl } = await newShop({
    categories: [{ id: 1, name: 'Garden' }],
    products: [{ id: 11, category_id: 1, name: 'spade', price: '1.00' }],
    reviews: [{ id: 101, product_id: 11, rating: 3, comment: 'old' }],
  });
  const purges: (readonly string[])[] = [];
  const onInvalidate = (tags: readonly string[]): void => {
    purges.push(tags);
    cdn.purge(tags);
  };
  const server = await startServer({ databaseUrl, namespace: 'cdn-sql', cdn: { onInvalidate, repeatAfterMs: 0 } });
  const origin: Origin = async (query) => {
    const { status, headers, text } = await get(server, query);
    const [cacheTag, surrogateKey] = [headers['cache-tag'], headers['surrogate-key']].map((one) => one?.toString());
    const cacheControl = cacheTag === undefined ? 'no-store' : 'public, s-maxage=3600';
    const kept = { 'cache-tag': cacheTag, 'surrogate-key': surrogateKey, 'cache-control': cacheControl };
    return { status, headers: kept, body: text };
  };
  const cdn = new CdnSimulator({ origin, clock: new TestClock(), header: 'surrogate-key' });
  return { server, purges, cdn };
}

it('what a mutation writes through SQL is purged once, by the tables that the SQL of the responses reads', async () => {
  const { server, cdn, purges } = await startBehindCdn();
  const products = '{ searchProducts { name price } }';
  const statistics = '{ categoryStats { name minPrice reviewCount } }';
  for (const query of [products, statistics]) {
    await expect.poll(async () => (await cdn.get(query)).source).toBe('hit');
  }
  await mutate(server, 'addReview', { productId: 11, rating: 5 });
  await expect.poll(() => purges.length).toBe(1);
  expect(purges[0]).toContain('cdn-sql.reviews');
  // Products without their reviews do not depend on them.
  expect((await cdn.get(products)).source).toBe('hit');
  expect(await cdn.get(statistics)).toMatchObject({
    source: 'origin',
    body: expect.stringContaining('"reviewCount":2'),
  });

  await mutate(server, 'updateProduct', { id: 11, input: { price: '12' } });
  await expect.poll(() => purges.length).toBe(2);
  expect(await cdn.get(products)).toMatchObject({ source: 'origin', body: expect.stringContaining('"price":"12.00"') });
  expect((await cdn.get(statistics)).body).toContain('"minPrice":"12.00"');

  await expect.poll(async () => (await cdn.get(products)).source).toBe('hit');
  await server.cache.flush();
  await expect.poll(() => purges.at(-1)).toEqual(['cdn-sql']);
  expect(cdn.size).toBe(0);
});
