// How requests describe their bodies and select a response: content type, charset, encoding, Accept, HEAD.
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { send, sendBytes, type RawAnswer, type RawRequest } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

const body = '{"query":"{ categoryStats { id } }"}';
const path = '/graphql?query={categoryStats{id}}';
const bom = '\uFEFF';

function typed(type: string, otherHeaders: Record<string, string> = {}): RawRequest {
  return { headers: { 'content-type': type, ...otherHeaders }, body };
}

function start(): Promise<RunningServer> {
  return startServer({ memoryBytesMax: 8_000_000 });
}

/** The responses to a request that takes each path: executed by Yoga, on the fast path, and from the response cache. */
async function onEachPath({ url, executions }: RunningServer, request: RawRequest): Promise<RawAnswer[]> {
  const responses: RawAnswer[] = [];
  const executed: number[] = [];
  for (let count = 0; count < 4; count += 1) {
    responses.push(await send(url, request));
    executed.push(executions());
  }
  const isCacheable = responses.every(
    ({ status, headers }) => status === 200 && /json/.test(`${headers['content-type']}`),
  );
  expect(isCacheable && executed.at(-1) !== executed.at(-2)).toBe(false);
  return responses;
}

function messageOf({ text }: RawAnswer): string {
  return (JSON.parse(text) as { errors: [{ message: string }] }).errors[0].message;
}

describe('a body', () => {
  it.each(['gzip', 'GZIP', 'br', 'deflate', 'zstd', 'x-gzip', 'identity, gzip', 'gzip, gzip', 'nonsense'])(
    'in the content encoding %s is refused with 415 and the accepted encoding',
    async (encoding) => {
      const server = await start();
      await onEachPath(server, typed('application/json'));
      const request = { ...typed('application/json', { 'content-encoding': encoding }), body: gzipSync(body) };
      const response = await send(server.url, request);
      expect([response.status, response.headers['accept-encoding']]).toEqual([415, 'identity']);
      expect(messageOf(response)).toBe(
        `The body must not be compressed: the content encoding must be identity, got ${encoding}.`,
      );
    },
  );

  it.each(['identity', 'Identity', ''])('in the content encoding "%s" is accepted', async (encoding) => {
    const server = await start();
    const responses = await onEachPath(server, typed('application/json', { 'content-encoding': encoding }));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it.each(['gzip, chunked', 'GZIP,chunked'])('in the transfer encoding %s is refused with 501', async (coding) => {
    const server = await start();
    const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: ${coding}`;
    expect(await sendBytes(server.url, [`${head}\r\n\r\n0\r\n\r\n`])).toMatch(/^HTTP\/1\.1 501 [^]*must be chunked/);
  });

  it.each(['utf-8', 'UTF-8', 'utf8', '"utf-8"', '"UTF8"'])('in the charset %s is accepted', async (charset) => {
    const server = await start();
    const responses = await onEachPath(server, typed(`application/json;charset=${charset}`));
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  });

  it.each(['iso-8859-1', 'ISO-8859-15', 'utf-16', '"utf-16le"', 'us-ascii', 'windows-1252', '', 'utf-80'])(
    'in the charset %s is refused with 415 and the accepted charset',
    async (charset) => {
      const server = await start();
      await onEachPath(server, typed('application/json'));
      const type = `Application/JSON; Charset=${charset}`;
      const response = await send(server.url, typed(type));
      expect([response.status, response.headers.accept]).toEqual([415, 'application/json; charset=utf-8']);
      expect(messageOf(response)).toBe(`The body must be UTF-8, got ${type}.`);
    },
  );

  it.each([
    ['Latin-1', Buffer.from('{"query":"{ searchProducts(q: \\"größe\\") { id } }"}', 'latin1')],
    ['UTF-16', Buffer.from(`${bom}${body}`, 'utf16le')],
  ])('in %s without a charset parameter is refused instead of being misread', async (_, bytes) => {
    const server = await start();
    const response = await send(server.url, { body: bytes });
    expect([response.status, messageOf(response)]).toEqual([400, expect.stringContaining('it is not UTF-8')]);
  });

  it('may begin with one byte order mark, which is skipped', async () => {
    const server = await start();
    const [plain] = await onEachPath(server, typed('application/json'));
    for (const { status, text } of await onEachPath(server, { body: bom + body })) {
      expect([status, text.includes('"categoryStats":[')]).toEqual([200, true]);
    }
    expect(plain?.status).toBe(200);
    const empty = await send(server.url, { body: bom });
    expect([empty.status, messageOf(empty)]).toEqual([400, expect.stringContaining('it is empty')]);
    expect((await send(server.url, { body: bom + bom + body })).status).toBe(400);
  });
});

const json = 'application/json; charset=utf-8';
const graphqlJson = 'application/graphql-response+json; charset=utf-8';
const events = 'text/event-stream';
const html = 'text/html; charset=utf-8';

/** Each with the content type of the response to a POST, and to a GET if that differs. */
const negotiations: [accept: string, post: string, get?: string][] = [
  ['*/*', json],
  ['', json],
  ['application/json', json],
  ['APPLICATION/JSON', json],
  ['application/*', json],
  ['application/json; charset=utf-8', json],
  ['application/json;charset=UTF-8;q=0.3', json],
  ['application/graphql-response+json', graphqlJson],
  ['application/graphql-response+json, application/json;q=0.9', graphqlJson],
  ['application/graphql-response+json;q=0.5, application/json', json],
  ['application/graphql-response+json;q=0.5, application/json;q=0.51', json],
  ['application/json;q=0, */*', graphqlJson],
  ['application/json;q=0, application/*;q=0.1', graphqlJson],
  ['application/json;q=0.1, */*', graphqlJson],
  ['application/graphql-response+json;q=0, */*;q=0.001', json],
  ['application/graphql-response+json, application/json', graphqlJson],
  ['application/json, application/graphql-response+json', json],
  ['application/json ; q=0.2 , application/graphql-response+json ; q=0.8', graphqlJson],
  ['text/event-stream', events],
  ['text/*', events],
  ['text/event-stream, application/json', json],
  ['text/event-stream, */*', json],
  ['text/event-stream;q=0.9, application/json;q=0.8', events],
  ['text/event-stream;q=0.1, application/json;q=0.2', json],
  ['text/html;q=0.1, application/json;q=1', json],
  ['application/json;q=0.9, text/html', json, html],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', json, html],
  ['text/html;q=0, */*', json],
  ['application/json, text/html', json],
  ['text/html, application/json', json, html],
  ['image/png, */*;q=0.1', json],
  // An element with a malformed quality is ignored.
  ['application/json;q=x, application/graphql-response+json;q=0.1', graphqlJson],
  ['application/json;q=-1, application/graphql-response+json;q=0.1', graphqlJson],
  ['application/json;q=2, application/graphql-response+json;q=0.1', graphqlJson],
  [';;, ,application/json', json],
];

describe('Accept', () => {
  it.each(negotiations)('%s: the response to a POST is %s', async (accept, type) => {
    const server = await start();
    const replies = await onEachPath(server, typed('application/json', { accept }));
    expect(replies.map(({ status, headers }) => [status, headers['content-type']])).toEqual(Array(4).fill([200, type]));
  });

  it.each(negotiations)('%s: the response to a GET is %s, or HTML if preferred', async (accept, post, get = post) => {
    const server = await start();
    const headers = { accept, 'accept-encoding': 'gzip' };
    const responses = await onEachPath(server, { method: 'GET', path, headers });
    expect(responses.map(({ status, headers: received }) => [status, received['content-type']])).toEqual(
      Array(4).fill([200, get]),
    );
  });

  it.each([
    'image/png',
    'application/xml',
    'text/html;q=0',
    'application/json;q=0',
    '*/*;q=0',
    'application/json;q=0.0, image/png',
    'application/json; charset=iso-8859-1',
    'application/json;q=none',
    'json',
    ';',
  ])('%s: the request is refused with 406', async (accept) => {
    const server = await start();
    await onEachPath(server, typed('application/json'));
    await onEachPath(server, { method: 'GET', path, headers: {} });
    for (const request of [typed('application/json', { accept }), { method: 'GET', path, headers: { accept } }]) {
      const response = await send(server.url, request);
      expect([response.status, messageOf(response)]).toEqual([406, expect.stringContaining(`accepted: ${accept}.`)]);
    }
  });

  it('in another form that selects the same content type gets the same cached response', async () => {
    const server = await start();
    await onEachPath(server, typed('application/json'));
    const before = server.executions();
    for (const accept of ['application/json', '*/*', 'application/json;q=0.5, image/png']) {
      await send(server.url, typed('application/json', { accept }));
    }
    expect(server.executions()).toBe(before);
  });
});

describe('the response to a HEAD', () => {
  const varying = new Set(['date', 'x-request-id', 'server-timing', 'cache-control']);
  const comparable = ({ status, headers }: RawAnswer): object => ({
    status,
    headers: Object.entries(headers).filter(([name]) => !varying.has(name)),
  });

  it.each<[string, RawRequest]>([
    ['an operation', { path }],
    ['an operation, as graphql-response+json', { path, headers: { accept: 'application/graphql-response+json' } }],
    ['an operation that fails', { path: '/graphql?query={nothing}' }],
    ['no operation', { path: '/graphql' }],
    ['a mutation', { path: '/graphql?query=mutation{flushCache{keysRemoved}}' }],
    ['an unacceptable Accept', { path, headers: { accept: 'image/png' } }],
    ['the console', { path: '/graphql', headers: { accept: 'text/html', 'accept-encoding': 'gzip' } }],
    ['the console, uncompressed', { path: '/graphql', headers: { accept: 'text/html' } }],
    ['/livez', { path: '/livez' }],
    ['/readyz', { path: '/readyz' }],
    ['/', { path: '/' }],
    ['an unknown path', { path: '/nothing' }],
  ])('for %s has the headers of a GET, and no body', async (_, request) => {
    const server = await start();
    for (let again = 0; again < 4; again += 1) {
      const get = await send(server.url, { headers: {}, ...request, method: 'GET' });
      const head = await send(server.url, { headers: {}, ...request, method: 'HEAD' });
      expect(head.text).toBe('');
      expect(comparable(head)).toEqual(comparable(get));
    }
  });

  it('has the length and the ETag of the GET, and is cached for it', async () => {
    const server = await start();
    const heads = await onEachPath(server, { method: 'HEAD', path, headers: {} });
    const before = server.executions();
    const get = await send(server.url, { method: 'GET', path, headers: {} });
    expect(server.executions()).toBe(before);
    for (const { status, headers } of heads) {
      expect([status, headers['content-length'], headers.etag]).toEqual([
        200,
        get.headers['content-length'],
        get.headers.etag,
      ]);
    }
  });

  it('is 304 if the client sends the current ETag', async () => {
    const server = await start();
    const { headers } = await send(server.url, { method: 'HEAD', path, headers: {} });
    const conditional = { method: 'HEAD', path, headers: { 'if-none-match': headers.etag ?? '' } };
    expect((await onEachPath(server, conditional)).map(({ status }) => status)).toEqual([304, 304, 304, 304]);
  });

  it('for the metrics has their length', async () => {
    const server = await start();
    const { status, headers, text } = await send(server.url, { method: 'HEAD', path: '/metrics', headers: {} });
    expect([status, text, Number(headers['content-length']) > 1_000]).toEqual([200, '', true]);
  });

  it('is logged as HEAD', async () => {
    const server = await startServer({ logLevel: 'debug' });
    await send(server.url, { method: 'HEAD', path, headers: {} });
    await expect.poll(() => server.logLines.some((line) => line.includes('"method":"HEAD"'))).toBe(true);
  });

  it('leaves the connection usable for the next request', async () => {
    const server = await start();
    const head = `HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const get = `GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
    expect(await sendBytes(server.url, [head.repeat(3), get])).toMatch(/"alive"\}\n$/);
  });
});

it('refuses other methods with 405 and the allowed methods', async () => {
  const server = await start();
  for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const { status, headers } = await send(server.url, { method, path, headers: {} });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD, POST']);
  }
});
