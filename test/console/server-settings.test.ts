import type { Fetcher } from '@graphiql/toolkit';
import { buildSchema, graphql, type GraphQLSchema } from 'graphql';
import { expect, it } from 'vitest';
import { noSettings, readServerSettings } from '../../src/console/cache-panel/request/server-settings.ts';

const shopSchema = (): GraphQLSchema =>
  buildSchema(`
    type Query { console: Settings! }
    type Settings { simulatedLatency: [Latency!]! hasPrivateRedis: Boolean! redisCli: String }
    type Latency { field: String! ms: Int! }
  `);
const simulatedLatency = [
  { field: 'Query.books', ms: 300 },
  { field: 'Query.authors', ms: 250 },
];
const answer = { simulatedLatency, hasPrivateRedis: true, redisCli: 'redis-cli -s /tmp/a.sock' };

/** A fetcher that executes on `schema`, and keeps what it was asked, with the headers. */
function executing(schema: GraphQLSchema, rootValue: unknown): { fetcher: Fetcher; requests: [string, unknown][] } {
  const requests: [string, unknown][] = [];
  const fetcher: Fetcher = async ({ query }, options) => {
    requests.push([query, options?.headers]);
    return await graphql({ schema, source: query, rootValue });
  };
  return { fetcher, requests };
}

it('are asked for once, with the headers that the user has entered', async () => {
  const schema = shopSchema();
  const { fetcher, requests } = executing(schema, { console: answer });
  const options = { schema, headers: { authorization: 'Bearer x' } };
  const [first, second] = await Promise.all([
    readServerSettings(fetcher, options),
    readServerSettings(fetcher, options),
  ]);
  expect(Object.fromEntries(first.simulatedLatency)).toEqual({ 'Query.books': 300, 'Query.authors': 250 });
  expect(first).toMatchObject({ hasPrivateRedis: true, redisCli: 'redis-cli -s /tmp/a.sock' });
  expect(second).toBe(first);
  await readServerSettings(fetcher, options);
  expect(requests).toEqual([[expect.stringContaining('console'), { authorization: 'Bearer x' }]]);
});

it('are asked for again when the schema was fetched again', async () => {
  const { fetcher, requests } = executing(shopSchema(), { console: answer });
  for (const schema of [shopSchema(), shopSchema()]) await readServerSettings(fetcher, { schema, headers: undefined });
  expect(requests).toHaveLength(2);
});

it('may be there in part', async () => {
  const schema = buildSchema('type Query { console: Settings } type Settings { redisCli: String, theme: Int }');
  const { fetcher, requests } = executing(schema, { console: { redisCli: null } });
  expect(await readServerSettings(fetcher, { schema, headers: undefined })).toEqual({ ...noSettings, redisCli: null });
  expect(requests.map(([query]) => query)).toEqual(['{ console { redisCli } }']);
});

it.each([
  ['has no settings', buildSchema('type Query { books: Int }')],
  ['has other settings', buildSchema('type Query { console: Settings } type Settings { theme: Int }')],
  ['has a console that is no object', buildSchema('type Query { console: String }')],
  ['is not known yet', null],
])('are empty on a server that %s, which is not asked', async (_server, schema) => {
  const { fetcher, requests } = executing(shopSchema(), {});
  expect(await readServerSettings(fetcher, { schema, headers: undefined })).toBe(noSettings);
  expect(requests).toEqual([]);
});

it('are empty while the server rejects the query, and asked for again', async () => {
  const schema = shopSchema();
  const root: { console?: unknown } = {};
  const { fetcher, requests } = executing(schema, root);
  const options = { schema, headers: undefined };
  expect(await readServerSettings(fetcher, options)).toBe(noSettings);
  root.console = answer;
  expect((await readServerSettings(fetcher, options)).simulatedLatency.size).toBe(2);
  expect(requests).toHaveLength(2);
});

it('are not waited for after an abort', async () => {
  const stop = new AbortController();
  const fetcher: Fetcher = () => new Promise(() => {});
  const reading = readServerSettings(fetcher, { schema: shopSchema(), headers: undefined, signal: stop.signal });
  stop.abort();
  await expect(reading).rejects.toMatchObject({ name: 'AbortError' });
});
