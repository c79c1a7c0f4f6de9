// Automatic persisted queries: a hash in place of the document, by GET and POST, on every execution path.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PersistedQueries } from '../../src/server/http/persisted-queries.ts';
import { send, type RawAnswer, type RawRequest } from './raw-request.ts';
import { startServer } from './start-server.ts';

const query = '{ categoryStats { id } }';
const json = { 'content-type': 'application/json' };

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function apqOf(text: string): object {
  return { persistedQuery: { version: 1, sha256Hash: hashOf(text) } };
}

function post(body: object): RawRequest {
  return { headers: json, body: JSON.stringify(body) };
}

function get(params: Record<string, unknown>): RawRequest {
  const texts = Object.entries(params).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return { method: 'GET', headers: {}, path: `/graphql?${new URLSearchParams(texts).toString()}` };
}

function outcomeOf({ status, text }: RawAnswer): unknown[] {
  const { errors: [error] = [], data } = JSON.parse(text) as {
    errors?: { message: string; extensions: { code: string } }[];
    data?: unknown;
  };
  return [status, data === undefined ? error?.extensions.code : 'data', error?.message];
}

const notFound = [200, 'PERSISTED_QUERY_NOT_FOUND', 'PersistedQueryNotFound'];
const found = [200, 'data', undefined];

describe.each([
  ['POST', post],
  ['GET', get],
])('a persisted query by %s', (_, request) => {
  it('is not found by its hash alone until it was sent with its document; then it returns the same data', async () => {
    const server = await startServer({ memoryBytesMax: 8_000_000 });
    const byHash = request({ extensions: apqOf(query) });
    const first = await send(server.url, byHash);
    expect([...outcomeOf(first), first.headers['cache-control']]).toEqual([...notFound, 'no-store']);
    const full = await send(server.url, request({ query, extensions: apqOf(query) }));
    expect(outcomeOf(full)).toEqual(found);
    for (let again = 0; again < 4; again += 1) expect(outcomeOf(await send(server.url, byHash))).toEqual(found);
  });

  it('gets a cached response', async () => {
    const server = await startServer({ memoryBytesMax: 8_000_000 });
    await send(server.url, request({ query, extensions: apqOf(query) }));
    const isCached = async (): Promise<boolean> => {
      const before = server.executions();
      expect(outcomeOf(await send(server.url, request({ extensions: apqOf(query) })))).toEqual(found);
      return server.executions() === before;
    };
    await expect.poll(isCached, { interval: 5, timeout: 20_000 }).toBe(true);
  });

  it('accepts variables and an operation name', async () => {
    const server = await startServer();
    const text = 'query A { __typename } query B($per: Int!) { topProducts(perCategory: $per) { id } }';
    await send(server.url, request({ query: text, operationName: 'A', extensions: apqOf(text) }));
    const byHash = request({ operationName: 'B', variables: { per: 1 }, extensions: apqOf(text) });
    expect((await send(server.url, byHash)).text).toContain('"topProducts":[');
  });

  it('is refused and not stored if its hash is that of another document', async () => {
    const server = await startServer();
    const other = '{ topProducts { id } }';
    const poison = await send(server.url, request({ query: other, extensions: apqOf(query) }));
    expect(outcomeOf(poison)).toEqual([400, 'BAD_USER_INPUT', expect.stringContaining('not that of the query')]);
    expect(outcomeOf(await send(server.url, request({ extensions: apqOf(query) })))).toEqual(notFound);
    await send(server.url, request({ query, extensions: apqOf(query) }));
    expect(outcomeOf(await send(server.url, request({ query: other, extensions: apqOf(query) })))[0]).toBe(400);
    expect((await send(server.url, request({ extensions: apqOf(query) }))).text).toContain('"categoryStats":[');
  });

  it.each<[string, unknown]>([
    ['no version', { sha256Hash: hashOf(query) }],
    ['another version', { version: 2, sha256Hash: hashOf(query) }],
    ['no hash', { version: 1 }],
    ['a short hash', { version: 1, sha256Hash: 'abc' }],
    ['a hash that is not a string', { version: 1, sha256Hash: 1 }],
    ['the hash __proto__', { version: 1, sha256Hash: '__proto__' }],
    ['a list as its extension', []],
    ['a string as its extension', hashOf(query)],
    ['false as its extension', false],
  ])('with %s is refused', async (_what, persistedQuery) => {
    const server = await startServer();
    for (const params of [{}, { query }]) {
      const response = await send(server.url, request({ ...params, extensions: { persistedQuery } }));
      expect(outcomeOf(response)).toEqual([400, 'BAD_USER_INPUT', expect.stringContaining('"sha256Hash"')]);
    }
  });

  it('is parsed, limited and validated each time, also by its hash alone', async () => {
    const server = await startServer();
    const large = `{ ${'__typename '.repeat(1_100)} }`;
    for (const text of [large, '{ nothing }', '{ broken']) {
      const [, code] = outcomeOf(await send(server.url, request({ query: text, extensions: apqOf(text) })));
      const [, codeAgain] = outcomeOf(await send(server.url, request({ extensions: apqOf(text) })));
      expect([code, codeAgain]).toEqual([code, code]);
      expect(code).toMatch(/QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED|GRAPHQL_PARSE_FAILED/);
    }
  });

  it('is optional: other extensions are ignored', async () => {
    const server = await startServer();
    for (const extensions of [{}, { other: 1 }, { persistedQuery: null }]) {
      expect(outcomeOf(await send(server.url, request({ query, extensions })))).toEqual(found);
      expect(outcomeOf(await send(server.url, request({ extensions })))[0]).toBe(400);
    }
  });
});

it('finds a document by GET that was sent by POST, even if its hash is in capitals', async () => {
  const server = await startServer();
  await send(server.url, post({ query, extensions: apqOf(query) }));
  expect(outcomeOf(await send(server.url, get({ extensions: apqOf(query) })))).toEqual(found);
  const capitals = { persistedQuery: { version: 1, sha256Hash: hashOf(query).toUpperCase() } };
  expect(outcomeOf(await send(server.url, get({ extensions: capitals })))).toEqual(found);
  expect(outcomeOf(await send(server.url, get({ query: '', extensions: apqOf(query) })))).toEqual(found);
});

it('refuses a mutation by GET or HEAD even if its hash is known', async () => {
  const server = await startServer();
  const mutation = 'mutation { flushCache { keysRemoved } }';
  expect(outcomeOf(await send(server.url, post({ query: mutation, extensions: apqOf(mutation) })))).toEqual(found);
  expect((await send(server.url, get({ extensions: apqOf(mutation) }))).status).toBe(405);
  expect((await send(server.url, { ...get({ extensions: apqOf(mutation) }), method: 'HEAD' })).status).toBe(405);
  expect(outcomeOf(await send(server.url, post({ extensions: apqOf(mutation) })))).toEqual(found);
});

it('requires the admin token for a mutation, sent as a document or as a hash alone', async () => {
  const server = await startServer({ adminToken: 'secret' });
  const mutation = 'mutation { flushCache { keysRemoved } }';
  for (const body of [{ query: mutation, extensions: apqOf(mutation) }, { extensions: apqOf(mutation) }]) {
    expect((await send(server.url, post(body))).status).toBe(401);
  }
});

it('keeps the connection open after PersistedQueryNotFound, so that the client can send the document', async () => {
  const server = await startServer();
  const { headers } = await send(server.url, {
    ...post({ extensions: apqOf(query) }),
    headers: { ...json, connection: 'keep-alive' },
  });
  expect(headers.connection).toBe('keep-alive');
});

describe('documents are bounded', () => {
  const remember = (persisted: PersistedQueries, text: string): void => void persisted.documentOf(apqOf(text), text);
  const isKnown = (persisted: PersistedQueries, text: string): boolean => {
    try {
      return persisted.documentOf(apqOf(text), undefined) === text;
    } catch {
      return false;
    }
  };

  it('in number: the least recently used one is evicted', () => {
    const persisted = new PersistedQueries({ countMax: 2, bytesMax: 1_000_000 });
    for (const text of ['a', 'b']) remember(persisted, text);
    expect(isKnown(persisted, 'a')).toBe(true);
    remember(persisted, 'c');
    expect(['a', 'b', 'c'].map((text) => isKnown(persisted, text))).toEqual([true, false, true]);
  });

  it('in bytes: the least recently used are evicted, and one that exceeds the limit is not stored', () => {
    const persisted = new PersistedQueries({ countMax: 1_000, bytesMax: 100_000 });
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(20_000));
    for (const text of texts) remember(persisted, text);
    expect(texts.map((text) => isKnown(persisted, text))).toEqual([false, true, true]);
    remember(persisted, 'd'.repeat(100_000));
    expect(isKnown(persisted, 'd'.repeat(100_000))).toBe(false);
  });
});
