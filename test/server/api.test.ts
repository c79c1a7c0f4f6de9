import { describe, expect, inject, it } from 'vitest';
import { startServer } from './start-server.ts';

const stats = '{ id name productCount reviewCount avgRating avgPrice minPrice maxPrice totalStock }';
const top = '{ id name price category reviewCount avgRating rankInCategory }';
const product = '{ id name description price stock category { id name } reviews { id rating comment createdAt } }';
const compare = `{
  statsDatabase: categoryStats @cache(mode: BYPASS) ${stats}
  statsCached: categoryStats ${stats}
  topDatabase: topProducts(perCategory: 2) @cache(mode: BYPASS) ${top}
  topCached: topProducts(perCategory: 2) ${top}
  searchDatabase: searchProducts(q: "steel", limit: 7) @cache(mode: BYPASS) ${product}
  searchCached: searchProducts(q: "steel", limit: 7) ${product}
}`;
const prices = `{ categoryStats { avgPrice minPrice maxPrice } topProducts { price } searchProducts { price } }`;
const flush = 'mutation { flushCache { keysRemoved } }';

interface Compared {
  statsDatabase: unknown[];
  statsCached: unknown[];
  topDatabase: unknown[];
  topCached: unknown[];
  searchDatabase: unknown[];
  searchCached: unknown[];
}

interface Stats {
  cacheStats: {
    hits: number;
    misses: number;
    hitRate: number;
    memoryUsed: number;
    keys: number;
    backend: string;
    fields: { field: string; hits: number; misses: number; loads: number; meanLoadMs: number; savedMs: number }[];
  };
}
const cacheStats = `{ cacheStats { hits misses hitRate memoryUsed keys backend
  fields { field hits misses loads meanLoadMs savedMs } } }`;

const stores = [
  { store: 'Redis', backend: 'REDIS', tier: 'redis', redis: inject('redisSocketPath') },
  { store: 'the memory store', backend: 'MEMORY', tier: 'memory', redis: null },
];

describe.each(stores)('with $store', ({ redis, tier, backend }) => {
  it('returns the same data from the cache as from the database, and a hit queries no database', async () => {
    const server = await startServer({ redis, simulateLatency: true });
    const first = await server.ask<Compared>(compare);
    expect(first.errors).toEqual([]);
    const { data } = first;
    expect([data.statsCached.length, data.topCached.length, data.searchCached.length]).toEqual([10, 21, 7]); // two share a rank
    expect(first.report?.fields.map(({ state }) => state)).toEqual([
      'bypass',
      'miss',
      'bypass',
      'miss',
      'bypass',
      'miss',
    ]);

    const second = await server.ask<Compared>(compare);
    expect(second.data.statsCached).toEqual(second.data.statsDatabase);
    expect(second.data.topCached).toEqual(second.data.topDatabase);
    expect(second.data.searchCached).toEqual(second.data.searchDatabase);
    expect(second.data).toEqual(first.data);
    const [statsDatabase, statsCached, topDatabase, topCached, searchDatabase, searchCached] =
      second.report?.fields ?? [];
    for (const row of [statsCached, topCached, searchCached]) {
      expect(row).toMatchObject({ source: 'cache', state: 'hit', tier });
    }
    expect(statsDatabase).toMatchObject({ source: 'database', state: 'bypass' });
    for (const name of ['tier', 'ageMs', 'ttlMs']) expect(statsDatabase).not.toHaveProperty(name);
    // By this clock, a timer may fire up to a millisecond early.
    expect(statsDatabase?.durationMs).toBeGreaterThan(299);
    expect(topDatabase?.durationMs).toBeGreaterThan(349);
    expect(searchDatabase?.durationMs).toBeGreaterThan(249);
    server.statements();
    const cached = await server.ask(`{ categoryStats ${stats} topProducts(perCategory: 2) ${top} }`);
    expect(cached.report?.fields.map(({ state }) => state)).toEqual(['hit', 'hit']);
    expect(server.statements()).toEqual([]);
  });

  it('returns prices as strings with two decimals, on a miss and on a hit', async () => {
    const server = await startServer({ redis });
    const miss = await server.ask(prices);
    const hit = await server.ask(prices);
    expect(hit.report?.fields.map(({ state }) => state)).toEqual(['hit', 'hit', 'hit']);
    expect(hit.data).toEqual(miss.data);
    const shown = [...hit.text.matchAll(/"(?:avgPrice|minPrice|maxPrice|price)":("[^"]*"|[^",}]*)/g)].map(
      ([, price]) => price,
    );
    expect(shown.length).toBeGreaterThan(70);
    for (const price of shown) expect(price).toMatch(/^"\d+\.\d\d"$/);
  });

  it('counts hits and misses, but no bypass; keys counts the entries, not the tokens', async () => {
    const server = await startServer({ redis });
    await server.ask('{ categoryStats { id } }');
    await server.ask('{ categoryStats { name } }');
    await server.ask('{ searchProducts(limit: 1) { id } }');
    await server.ask('{ categoryStats @cache(mode: BYPASS) { id } }');
    await server.ask('{ categoryStats { id } }');
    await server.ask('{ categoryStats { id } }');
    const { data } = await server.ask<Stats>(cacheStats);
    expect(data.cacheStats).toMatchObject({ hits: 3, misses: 2, hitRate: 60, keys: 2, backend });
    expect(data.cacheStats.memoryUsed).toBeGreaterThan(1_000);
    expect(data.cacheStats.fields).toMatchObject([
      { field: 'Query.categoryStats', hits: 3, misses: 1, loads: 1 },
      { field: 'Query.searchProducts', hits: 0, misses: 1, loads: 1, savedMs: 0 },
    ]);
    expect(data.cacheStats.fields[0]?.meanLoadMs).toBeGreaterThan(0);
    // Rounded to two decimals, because people read them.
    const figures = data.cacheStats.fields.flatMap(({ meanLoadMs, savedMs }) => [meanLoadMs, savedMs]);
    expect(figures.map((figure) => Number(figure.toFixed(2)))).toEqual(figures);
  });

  it('flushCache removes all entries and returns their number; the next fetch is a miss', async () => {
    const server = await startServer({ redis });
    const three = '{ categoryStats { id } searchProducts { id } topProducts { id } }';
    await server.ask(three);
    expect((await server.ask(flush)).data).toEqual({ flushCache: { keysRemoved: 3 } });
    expect((await server.ask<Stats>(cacheStats)).data.cacheStats.keys).toBe(0);
    const { report } = await server.ask(three);
    expect(report?.fields.map(({ state }) => state)).toEqual(['miss', 'miss', 'miss']);
    expect((await server.ask(flush)).data).toEqual({ flushCache: { keysRemoved: 3 } });
    expect((await server.ask(flush)).data).toEqual({ flushCache: { keysRemoved: 0 } });
  });

  it('queries the database once for 200 concurrent requests for a key that is not cached', async () => {
    const server = await startServer({ redis, simulateLatency: true });
    await server.get('/readyz');
    server.statements();
    const requests = Array.from({ length: 200 }, () => server.ask(`{ topProducts ${top} }`));
    const responses = await Promise.all(requests);
    expect(server.statements()).toHaveLength(1);
    expect(new Set(responses.map(({ data }) => JSON.stringify(data))).size).toBe(1);
    expect(responses.filter(({ report }) => report?.fields[0]?.state === 'miss')).toHaveLength(1);
  });
});

describe('the cache report', () => {
  it('has exactly these properties, with the alias in the path', async () => {
    const server = await startServer({ ttlMs: 60_000 });
    await server.ask('{ cached: categoryStats { id } }');
    const { text, report } = await server.ask('{ cached: categoryStats { id } }');
    const number = expect.any(Number) as number;
    const key = expect.stringMatching(new RegExp(`^${server.namespace}:[0-9a-f]{6}:Query:categoryStats$`)) as string;
    expect(report).toEqual({
      fields: [
        {
          path: ['cached'],
          field: 'Query.categoryStats',
          source: 'cache',
          state: 'hit',
          tier: 'redis',
          startMs: 0,
          durationMs: number,
          ageMs: number,
          ttlMs: number,
          key,
        },
      ],
    });
    const [row] = report?.fields ?? [];
    expect((row?.ageMs ?? 0) + (row?.ttlMs ?? 0)).toBe(60_000);
    expect(text.indexOf('"extensions"')).toBeLessThan(text.indexOf('"data"'));
  });

  it('is omitted with CACHE_REPORT=off, and from responses without cached fields', async () => {
    const silent = await startServer({ hasReport: false });
    expect((await silent.ask('{ categoryStats { id } }')).text).not.toContain('extensions');
    const server = await startServer();
    expect((await server.ask('{ cacheStats { hits } }')).text).not.toContain('extensions');
  });

  it.each([
    ['BYPASS neither reads nor stores an entry', 'BYPASS', ['bypass', 'miss', 'hit']],
    ['REFRESH loads the value and stores it', 'REFRESH', ['refresh', 'hit', 'hit']],
    ['USE is the default', 'USE', ['miss', 'hit', 'hit']],
  ])('@cache: %s', async (_, mode, states) => {
    const server = await startServer();
    const query = 'query ($mode: CacheMode! = USE) { categoryStats @cache(mode: $mode) { id } }';
    const rows = [
      await server.row(query, { mode }),
      await server.row(query),
      await server.row('{ categoryStats { id } }'),
    ];
    expect(rows.map(({ state }) => state)).toEqual(states);
    expect(server.statements()).toHaveLength(states.filter((state) => state !== 'hit').length);
  });

  it('REFRESH loads from the database although an entry is stored', async () => {
    const server = await startServer();
    await server.row('{ categoryStats { id } }');
    expect(await server.row('{ categoryStats @cache(mode: REFRESH) { id } }')).toMatchObject({ source: 'database' });
    expect(server.statements()).toHaveLength(2);
  });
});

it('executes one SQL statement per level, whatever the number of parents', async () => {
  const server = await startServer();
  const levels = (limit: number): string =>
    `{ searchProducts(limit: ${limit}) { id reviews(limit: 2) { id } category { products(limit: 3) { id reviews { rating } } } } }`;
  await server.ask(levels(1));
  const few = server.statements().length;
  const { errors } = await server.ask(levels(60));
  expect(errors).toEqual([]);
  expect(few).toBe(4);
  expect(server.statements()).toHaveLength(4);
});

it('resolves the children of a cached value with the arguments of each request', async () => {
  const server = await startServer();
  const query = (limit: number): string => `{ searchProducts(q: "", limit: 1) { reviews(limit: ${limit}) { id } } }`;
  interface Found {
    searchProducts: { reviews: unknown[] }[];
  }
  const one = await server.ask<Found>(query(1));
  const two = await server.ask<Found>(query(2));
  expect(two.report?.fields[0]?.state).toBe('hit');
  expect([one, two].map(({ data }) => data.searchProducts[0]?.reviews.length)).toEqual([1, 2]);
});
