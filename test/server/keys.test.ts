import { Redis } from 'ioredis';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { startServer } from './start-server.ts';

describe('keys', () => {
  it('are equal for arguments written as literals, variables, defaults or in another order', async () => {
    const server = await startServer();
    const queries: [string, Record<string, unknown>?][] = [
      ['{ searchProducts { id } }'],
      ['{ searchProducts(q: "", limit: 50) { id } }'],
      ['{ searchProducts(limit: 50, q: "") { name } }'],
      ['query ($q: String!, $n: Int!) { searchProducts(limit: $n, q: $q) { id } }', { n: 50, q: '' }],
      ['query ($q: String! = "") { searchProducts(q: $q) { id } }'],
      ['{ searchProducts(q: """""") { id } }'],
    ];
    const rows = [];
    for (const [query, variables] of queries) rows.push(await server.row(query, variables));
    expect(new Set(rows.map(({ key }) => key)).size).toBe(1);
    expect(rows.map(({ state }) => state)).toEqual(['miss', 'hit', 'hit', 'hit', 'hit', 'hit']);
  });

  it('differ if the arguments differ', async () => {
    const server = await startServer();
    const args = [
      '(q: "1")',
      '(categoryId: 1)',
      '(limit: 1)',
      '(q: "1", limit: 1)',
      '(q: " ")',
      '(q: "null")',
      '',
      '(q: "a")',
      '(q: "A")',
    ];
    const rows = await Promise.all(args.map((text) => server.row(`{ searchProducts${text} { id } }`)));
    expect(new Set(rows.map(({ key }) => key)).size).toBe(args.length);
  });

  it('all expire, and an entry contains its field, arguments and rows in plain text', async () => {
    const server = await startServer();
    await server.ask('{ categoryStats { id } topProducts { id } }');
    const row = await server.row('{ searchProducts(q: "steel", limit: 2) { id } }');
    const redis = new Redis(inject('redisSocketPath'), { protocol: 2 });
    onTestFinished(() => redis.disconnect());
    const keys: string[] = [];
    for await (const batch of redis.scanStream({ match: `${server.namespace}:*`, count: 1_000 }))
      keys.push(...(batch as string[]));
    // Three entries; the tokens of `*` and of three tables; the id of the database.
    expect(keys).toHaveLength(8);
    const ttlsMs = await Promise.all(keys.map((key) => redis.pttl(key)));
    expect(Math.min(...ttlsMs)).toBeGreaterThan(0);

    const stored = JSON.parse((await redis.get(row.key)) ?? '') as { value: unknown[] };
    expect(stored).toMatchObject({ field: 'Query.searchProducts', args: { q: 'steel', limit: 2 } });
    expect(stored.value).toHaveLength(2);
    expect(stored.value[0]).toMatchObject({ name: expect.any(String) as string, price: expect.any(String) as string });
  });
});
