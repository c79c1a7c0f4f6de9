// Queries that bypass the cache, on every path of a request: none is answered by what the server or a client has cached.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { advanceUntil, TestClock } from '../cache/world.ts';
import { send, type RawRequest } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

const json = { 'content-type': 'application/json' };
const plain = '{ categoryStats { id } }';

type Params = Readonly<Record<string, unknown>>;

function post(params: Params): RawRequest {
  return { headers: json, body: JSON.stringify(params) };
}

function get(params: Params): RawRequest {
  const texts = Object.entries(params).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { method: 'GET', headers: {}, path: `/graphql?${new URLSearchParams(texts).toString()}` };
}

function persisted(query: string): Params {
  const sha256Hash = createHash('sha256').update(query).digest('hex');
  return { extensions: { persistedQuery: { version: 1, sha256Hash } } };
}

/** A server that caches responses. Its cache's clock is stopped: the memory tier stays coherent if the machine stalls. */
async function startCaching(): Promise<RunningServer> {
  const clock = new TestClock();
  const server = await startServer({ memoryBytesMax: 8_000_000, clock });
  await advanceUntil(clock, 100, () => server.cache.memory?.isCoherent ?? true);
  return server;
}

const ways: [string, (query: string, more?: Params) => RawRequest][] = [
  ['POST', (query, more) => post({ query, ...more })],
  ['GET', (query, more) => get({ query, ...more })],
  ['a persisted POST', (query, more) => post({ ...persisted(query), ...more })],
  ['a persisted GET', (query, more) => get({ ...persisted(query), ...more })],
];

const forms: [string, string, Params?][] = [
  ['on its field', '{ categoryStats @cache(mode: BYPASS) { id } }'],
  ['on the query', 'query @cache(mode: BYPASS) { categoryStats { id } }'],
  [
    'on the query, by a variable',
    'query ($m: CacheMode!) @cache(mode: $m) { categoryStats { id } }',
    { variables: { m: 'BYPASS' } },
  ],
];

describe.each(ways)('by %s', (_way, requestOf) => {
  it.each(forms)('@cache(mode: BYPASS) %s runs the resolver each time', async (_form, query, more) => {
    const server = await startCaching();
    for (const text of [plain, query]) await send(server.url, post({ query: text, ...persisted(text) }));
    const isCached = async (): Promise<boolean> => {
      const before = server.executions();
      await send(server.url, requestOf(plain));
      return server.executions() === before;
    };
    await expect.poll(isCached, { interval: 5 }).toBe(true);
    server.statements();
    for (let again = 0; again < 4; again += 1) {
      const { status, text, headers } = await send(server.url, requestOf(query, more));
      expect([status, text]).toEqual([200, expect.stringContaining('"data":{"categoryStats":[{')]);
      expect(headers['cache-control'] ?? '').not.toMatch(/public|max-age/);
      expect(server.statements()).toHaveLength(1);
    }
    expect(await isCached()).toBe(true);
  });

  it.each(forms)('@cache(mode: BYPASS) %s stores nothing', async (_form, query, more) => {
    const server = await startCaching();
    await send(server.url, post({ query, ...persisted(query), ...more }));
    for (let again = 0; again < 3; again += 1) await send(server.url, requestOf(query, more));
    expect((await server.cache.usage()).keys).toBe(0);
    expect((await server.row(plain)).state).toBe('miss');
  });

  it('a document that was bypassed by a variable is answered from the cache with another value', async () => {
    const server = await startCaching();
    const [, query, bypass] = forms[2] ?? ['', ''];
    await send(server.url, post({ query, ...persisted(query), variables: { m: 'USE' } }));
    const loadsOf = async (more: Params): Promise<number> => {
      server.statements();
      await send(server.url, requestOf(query, more));
      return server.statements().length;
    };
    await expect.poll(() => loadsOf({ variables: { m: 'USE' } })).toBe(0);
    for (let again = 0; again < 3; again += 1) {
      expect(await loadsOf(bypass ?? {})).toBe(1);
      expect(await loadsOf({ variables: { m: 'USE' } })).toBe(0);
    }
  });
});
