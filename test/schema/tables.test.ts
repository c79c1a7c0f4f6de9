// The tables of the shop's cached queries are not declared: their SQL determines them.
import { graphql } from 'graphql';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { CacheStats, createCache, createMemoryStore } from '../../src/cache/index.ts';
import { createShop } from '../../src/database/index.ts';
import { Trace, withLongLeases } from '../cache/world.ts';
import { connect } from '../database/shop-database.ts';

const tables = ['categories', 'products', 'reviews'] as const;

describe.each([
  ['categoryStats', '{ categoryStats { id avgRating } }', ['categories', 'products', 'reviews']],
  ['searchProducts', '{ searchProducts(q: "steel") { id } }', ['categories', 'products']],
  // What its child fields load is not part of its value.
  ['searchProducts with reviews', '{ searchProducts(limit: 2) { reviews { id } } }', ['categories', 'products']],
  ['topProducts', '{ topProducts { id } }', ['categories', 'products', 'reviews']],
])('%s', (_name, document, read) => {
  it(`depends on ${read.join(', ')}`, async () => {
    const { ask, trace, stampsAt } = await shop();
    await ask(document);
    const [written] = trace.events.flatMap((event) => (event.type === 'write' ? event.key : []));
    expect(await stampsAt(written ?? '')).toEqual(['*', ...read]);
  });

  it.each(tables)('is invalidated with %s if and only if it reads that table', async (table) => {
    const { ask, cache, trace } = await shop();
    await ask(document);
    await cache.invalidate([table]);
    trace.take();
    await ask(document);
    expect(trace.count('miss')).toBe(Number(read.includes(table)));
    expect(trace.count('hit')).toBe(Number(!read.includes(table)));
  });
});

it('the value of the first request after startup is stored', async () => {
  const { ask, trace } = await shop();
  await ask('{ topProducts { id } }');
  await ask('{ topProducts { id } }');
  expect(trace.text).toMatch(/write .*hit/);
});

/** The shop on the seeded database, over a cache of its own. */
async function shop() {
  const database = connect();
  await database.readTables();
  const store = withLongLeases(createMemoryStore({ namespace: 'shop' }));
  const cache = createCache({ store, knownTags: database.tableTags, deadlineMs: 20_000 });
  onTestFinished(() => cache.close());
  const trace = new Trace(cache);
  const cacheStats = new CacheStats(cache);
  const schema = createSchema({ cache, ttlMs: 60_000, hasConsole: true });
  const queries = createShop({ db: database.db, writing: database.writing(cache), simulateLatency: false });
  return {
    cache,
    trace,
    ask: async (source: string): Promise<void> => {
      const contextValue = {
        shop: queries,
        loaders: queries.createLoaders(),
        cache,
        cacheStats,
        shopConsole: undefined,
      };
      const { errors } = await graphql({ schema, source, contextValue });
      expect(errors).toBeUndefined();
    },
    stampsAt: async (key: string): Promise<string[]> => {
      const { text } = await store.read(key, []);
      const { stamps } = JSON.parse(text ?? '{}') as { stamps: Record<string, string> };
      return Object.keys(stamps).toSorted();
    },
  };
}
