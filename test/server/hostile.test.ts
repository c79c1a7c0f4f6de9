import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Redis } from 'ioredis';
import { expect, inject, it, onTestFinished } from 'vitest';
import type { GraphqlError } from './client.ts';
import { hostileRequests, type Hostile } from './hostile-requests.ts';
import { send, sendBytes } from './raw-request.ts';
import { logLevels, startServer, type RunningServer } from './start-server.ts';

/** Internals that no response may reveal: stack traces, files, SQL, sockets, accounts. */
const internals = /node_modules|\.(ts|js):\d|\bat \w+ \(|\/tmp\/|\/work\/|postgres|redis|select |ECONN/i;

it.each(hostileRequests)('refuses with $code, using little CPU time: $what', async (hostile) => {
  const server = await startServer();
  await server.get('/livez');
  await send(server.url, { body: '{"query":"{ __typename }"}' });
  const before = process.cpuUsage();
  expectRefusal(await send(server.url, hostile.request), hostile);
  // CPU time, because a busy machine does not lengthen it. A refusal takes a hundredth of this limit.
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(2_000);
  expect(server.statements()).toEqual([]);
  expect(await keysOf(server)).toEqual([]);
  expect((await server.ask('{ categoryStats { id } }')).errors).toEqual([]);
});

it('sends the same refusals under concurrent load, stores nothing, and its memory does not grow', async () => {
  const server = await startServer();
  const requests = 2_000;
  await refuseSmall(server);
  const beforeBytes = await heapBytes(server);
  for (let sent = 0; sent < requests; sent += small.length) await refuseSmall(server);
  expect(await heapBytes(server)).toBeLessThan(beforeBytes + 20_000_000);
  expect(server.statements()).toEqual([]);
  expect(await keysOf(server)).toEqual([]);
  expect((await server.ask('{ topProducts { id } }')).errors).toEqual([]);
});

it('sends the same refusals if each request is logged', async () => {
  const server = await startServer({ logLevel: 'debug' });
  await refuseSmall(server);
  expect(server.statements()).toEqual([]);
});

it.each(['a b', 'example.com:99999', '[', '%', '@', 'a/b?c#d', '\\', ''])(
  'answers a request with the Host header "%s"',
  async (host) => {
    const server = await startServer();
    const path = '/graphql?query={__typename}';
    const text = await sendBytes(server.url, [`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`]);
    expect(text).toContain('{"data":{"__typename":"Query"}}');
  },
);

it('accepts a long word in a string or a comment, where it is not a name', async () => {
  const server = await startServer();
  expect((await server.ask(`{ searchProducts(q: "${'x'.repeat(150)}") { id } }`)).errors).toEqual([]);
  expect((await server.ask(`# ${'x'.repeat(150)}\n{ __typename }`)).errors).toEqual([]);
});

it('answers a request with an absolute URL, as clients send it to proxies', async () => {
  const server = await startServer();
  const line = 'GET http://shop.example/graphql?query={__typename} HTTP/1.1';
  expect(await sendBytes(server.url, [`${line}\r\nHost: a\r\nConnection: close\r\n\r\n`])).toContain('"Query"');
});

it('accepts application/json in upper case, with a parameter or with an empty one', async () => {
  const server = await startServer();
  for (const type of ['application/json ;', 'APPLICATION/JSON', 'application/json; charset=utf-8']) {
    const { text } = await send(server.url, { headers: { 'content-type': type }, body: '{"query":"{ __typename }"}' });
    expect(text).toContain('"Query"');
  }
});

it.each([
  ['bytes that are not HTTP', '\u0016\u0003\u0001\r\n\r\n'],
  [
    'a chunk without a length',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  ],
  ['two content lengths', 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  [
    'a content length and chunks',
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  ],
])('responds 400 to %s, and closes the connection', async (_, bytes) => {
  const server = await startServer();
  expect(await sendBytes(server.url, [bytes])).toMatch(/^HTTP\/1.1 400/);
  expect((await server.get('/livez')).status).toBe(200);
});

it.each(logLevels)('responds 400 or 415 to a request with two mistakes, with LOG_LEVEL %s', async (logLevel) => {
  const server = await startServer({ logLevel });
  const twice = 'POST /graphql HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
  expect(await sendBytes(server.url, [twice])).toMatch(/^HTTP\/1.1 4(00|15) /);
});

it('responds 400 to invalid bytes on a connection that has received a response', async () => {
  const server = await startServer();
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.write('GET /livez HTTP/1.1\r\nHost: a\r\n\r\n');
  await expect.poll(() => text).toContain('alive');
  socket.write('garbage\r\n\r\n');
  await expect.poll(() => text).toMatch(/^HTTP\/1.1 400/m);
});

it('refuses a body by its content length, before it arrives', async () => {
  const server = await startServer();
  const head =
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10000000\r\n\r\n';
  expect(await sendBytes(server.url, [head])).toMatch(/^HTTP\/1.1 413/);
});

it('a client that sends 10 MB can read the refusal', async () => {
  const server = await startServer();
  const head = 'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n';
  const body = 'x'.repeat(10_000_000);
  const chunked = [`${head}Transfer-Encoding: chunked\r\n\r\n989680\r\n`, body, '\r\n0\r\n\r\n'];
  const plain = [`${head}Content-Length: 10000000\r\n\r\n`, body];
  for (let round = 0; round < 5; round += 1) {
    expect(await sendBytes(server.url, plain)).toMatch(/^HTTP\/1.1 413/);
    expect(await sendBytes(server.url, chunked)).toMatch(/^HTTP\/1.1 413/);
  }
});

it('answers other requests after clients disconnect with half a body sent, and logs no error', async () => {
  const server = await startServer();
  const half =
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"query"';
  const { hostname, port } = new URL(server.url);
  await Promise.all(
    Array.from(
      { length: 50 },
      () =>
        new Promise((resolve, reject) => {
          const socket = connect(Number(port), hostname);
          socket.on('error', reject).on('close', resolve);
          socket.write(half, () => socket.destroy());
        }),
    ),
  );
  expect((await server.ask('{ categoryStats { id } }')).errors).toEqual([]);
  expect(server.logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
});

it('responds 408 to a client that does not finish its body within 10 seconds', async () => {
  const server = await startServer();
  const half =
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"query"';
  expect(await sendBytes(server.url, [half])).toMatch(/^HTTP\/1.1 408/);
});

it('executes a cheap operation whose document has an expensive one as well', async () => {
  const server = await startServer();
  const two =
    'query A { __typename } query B { searchProducts(limit: 100) { category { products(limit: 100) { reviews { id } } } } }';
  const { text } = await send(server.url, { body: JSON.stringify({ query: two, operationName: 'A' }) });
  expect(text).toBe('{"data":{"__typename":"Query"}}');
});

it('responds 400 to an invalid document if the client accepts application/graphql-response+json', async () => {
  const server = await startServer();
  const accept = { 'content-type': 'application/json', accept: 'application/graphql-response+json' };
  const responses = await Promise.all(
    ['{', '{ nothing }', `{ ${'__typename '.repeat(600)} }`].map((query) =>
      send(server.url, { headers: accept, body: JSON.stringify({ query }) }),
    ),
  );
  expect(responses.map(({ status }) => status)).toEqual([400, 400, 400]);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Expects the refusal that a hostile request must receive; a mismatch shows which request it is. */
function expectRefusal({ status, text }: { status: number; text: string }, { what, says, ...expected }: Hostile): void {
  // An event stream wraps the response.
  const body = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as { data?: unknown; errors: GraphqlError[] };
  const codes = [...new Set(body.errors.map(({ extensions }) => extensions?.code))];
  expect({
    what,
    status,
    codes,
    data: body.data ?? null,
    message: body.errors[0]?.message,
    internals: internals.exec(text),
  }).toEqual({
    what,
    status: expected.status,
    codes: [expected.code],
    data: null,
    message: expect.stringMatching(says) as string,
    internals: null,
  });
}

const small = hostileRequests.filter(({ request }) => (request.body?.length ?? 0) < 200_000);

async function refuseSmall({ url }: RunningServer): Promise<void> {
  await Promise.all(small.map(async (hostile) => expectRefusal(await send(url, hostile.request), hostile)));
}

async function keysOf({ namespace }: RunningServer): Promise<string[]> {
  const redis = new Redis(inject('redisSocketPath'), { protocol: 2 });
  onTestFinished(() => redis.disconnect());
  const keys: string[] = [];
  for await (const batch of redis.scanStream({ match: `${namespace}:*`, count: 1_000 }))
    keys.push(...(batch as string[]));
  return keys.filter((key) => !key.startsWith(`${namespace}:tag:`));
}

/** The size of the heap after a garbage collection; the server runs in this process. */
async function heapBytes(server: RunningServer): Promise<number> {
  collectGarbage();
  const { text } = await server.get('/metrics');
  return Number(/^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]);
}
