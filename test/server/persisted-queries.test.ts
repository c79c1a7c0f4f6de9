// Automatic persisted queries: the hash in place of the document, by GET and POST, on every way of answering.
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

function named(text: string): object {
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

function told({ status, text }: RawAnswer): unknown[] {
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
])('by %s', (_, request) => {
  it('a hash alone is not found until it has come with its document, then gets the same data', async () => {
    const server = await startServer({ memoryBytesMax: 8_000_000 });
    const short = request({ extensions: named(query) });
    const first = await send(server.url, short);
    expect([...told(first), first.headers['cache-control']]).toEqual([...notFound, 'no-store']);
    const whole = await send(server.url, request({ query, extensions: named(query) }));
    expect(told(whole)).toEqual(found);
    for (let again = 0; again < 4; again += 1) expect(told(await send(server.url, short))).toEqual(found);
  });

  it('becomes a ready answer', async () => {
    const server = await startServer({ memoryBytesMax: 8_000_000 });
    await send(server.url, request({ query, extensions: named(query) }));
    const isReady = async (): Promise<boolean> => {
      const before = server.executions();
      expect(told(await send(server.url, request({ extensions: named(query) })))).toEqual(found);
      return server.executions() === before;
    };
    await expect.poll(isReady, { interval: 5, timeout: 20_000 }).toBe(true);
  });

  it('takes variables and the name of an operation', async () => {
    const server = await startServer();
    const text = 'query A { __typename } query B($per: Int!) { topProducts(perCategory: $per) { id } }';
    await send(server.url, request({ query: text, operationName: 'A', extensions: named(text) }));
    const asked = request({ operationName: 'B', variables: { per: 1 }, extensions: named(text) });
    expect((await send(server.url, asked)).text).toContain('"topProducts":[');
  });

  it('a document under another one’s hash is refused, and not kept', async () => {
    const server = await startServer();
    const other = '{ topProducts { id } }';
    const poison = await send(server.url, request({ query: other, extensions: named(query) }));
    expect(told(poison)).toEqual([400, 'BAD_USER_INPUT', expect.stringContaining('not that of the query')]);
    expect(told(await send(server.url, request({ extensions: named(query) })))).toEqual(notFound);
    await send(server.url, request({ query, extensions: named(query) }));
    expect(told(await send(server.url, request({ query: other, extensions: named(query) })))[0]).toBe(400);
    expect((await send(server.url, request({ extensions: named(query) }))).text).toContain('"categoryStats":[');
  });

  it.each<[string, unknown]>([
    ['no version', { sha256Hash: hashOf(query) }],
    ['another version', { version: 2, sha256Hash: hashOf(query) }],
    ['no hash', { version: 1 }],
    ['a short hash', { version: 1, sha256Hash: 'abc' }],
    ['a hash that is no text', { version: 1, sha256Hash: 1 }],
    ['a name of a prototype', { version: 1, sha256Hash: '__proto__' }],
    ['a list', []],
    ['text', hashOf(query)],
    ['false', false],
  ])('with %s is refused', async (_what, persistedQuery) => {
    const server = await startServer();
    for (const more of [{}, { query }]) {
      const answer = await send(server.url, request({ ...more, extensions: { persistedQuery } }));
      expect(told(answer)).toEqual([400, 'BAD_USER_INPUT', expect.stringContaining('"sha256Hash"')]);
    }
  });

  it('respects the limits of documents each time', async () => {
    const server = await startServer();
    const large = `{ ${'__typename '.repeat(1_100)} }`;
    for (const text of [large, '{ nothing }', '{ broken']) {
      const [, code] = told(await send(server.url, request({ query: text, extensions: named(text) })));
      const [, codeAgain] = told(await send(server.url, request({ extensions: named(text) })));
      expect([code, codeAgain]).toEqual([code, code]);
      expect(code).toMatch(/QUERY_TOO_COMPLEX|GRAPHQL_VALIDATION_FAILED|GRAPHQL_PARSE_FAILED/);
    }
  });

  it('without a persisted query, extensions are left alone', async () => {
    const server = await startServer();
    for (const extensions of [{}, { other: 1 }, { persistedQuery: null }]) {
      expect(told(await send(server.url, request({ query, extensions })))).toEqual(found);
      expect(told(await send(server.url, request({ extensions })))[0]).toBe(400);
    }
  });
});

it('a hash that one method has made known is known to the other, in capitals, too', async () => {
  const server = await startServer();
  await send(server.url, post({ query, extensions: named(query) }));
  expect(told(await send(server.url, get({ extensions: named(query) })))).toEqual(found);
  const capitals = { persistedQuery: { version: 1, sha256Hash: hashOf(query).toUpperCase() } };
  expect(told(await send(server.url, get({ extensions: capitals })))).toEqual(found);
  expect(told(await send(server.url, get({ query: '', extensions: named(query) })))).toEqual(found);
});

it('a GET runs no mutation, also where its hash is known', async () => {
  const server = await startServer();
  const mutation = 'mutation { flushCache { keysRemoved } }';
  expect(told(await send(server.url, post({ query: mutation, extensions: named(mutation) })))).toEqual(found);
  expect((await send(server.url, get({ extensions: named(mutation) }))).status).toBe(405);
  expect((await send(server.url, { ...get({ extensions: named(mutation) }), method: 'HEAD' })).status).toBe(405);
  expect(told(await send(server.url, post({ extensions: named(mutation) })))).toEqual(found);
});

it('needs the token for a mutation, however it is named', async () => {
  const server = await startServer({ adminToken: 'secret' });
  const mutation = 'mutation { flushCache { keysRemoved } }';
  for (const body of [{ query: mutation, extensions: named(mutation) }, { extensions: named(mutation) }]) {
    expect((await send(server.url, post(body))).status).toBe(401);
  }
});

it('leaves the connection open for the document that the client sends next', async () => {
  const server = await startServer();
  const { headers } = await send(server.url, {
    ...post({ extensions: named(query) }),
    headers: { ...json, connection: 'keep-alive' },
  });
  expect(headers.connection).toBe('keep-alive');
});

describe('documents are bounded', () => {
  const remember = (persisted: PersistedQueries, text: string): void => void persisted.documentOf(named(text), text);
  const isKnown = (persisted: PersistedQueries, text: string): boolean => {
    try {
      return persisted.documentOf(named(text), undefined) === text;
    } catch {
      return false;
    }
  };

  it('in number: the one that was used least recently goes', () => {
    const persisted = new PersistedQueries({ countMax: 2, bytesMax: 1_000_000 });
    for (const text of ['a', 'b']) remember(persisted, text);
    expect(isKnown(persisted, 'a')).toBe(true);
    remember(persisted, 'c');
    expect(['a', 'b', 'c'].map((text) => isKnown(persisted, text))).toEqual([true, false, true]);
  });

  it('in bytes', () => {
    const persisted = new PersistedQueries({ countMax: 1_000, bytesMax: 100_000 });
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(20_000));
    for (const text of texts) remember(persisted, text);
    expect(texts.map((text) => isKnown(persisted, text))).toEqual([false, true, true]);
    remember(persisted, 'd'.repeat(100_000));
    expect(isKnown(persisted, 'd'.repeat(100_000))).toBe(false);
  });
});
