// Compressed responses: the same data in every encoding and on every path, compressed once if it is sent repeatedly.
import { createHook } from 'node:async_hooks';
import { brotliDecompressSync, deflateRawSync, gunzipSync } from 'node:zlib';
import SchemaBuilder from '@pothos/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { compressed, encodingFor } from '../../src/server/transport/compression.ts';
import { encodeResponse } from '../../src/server/transport/encode-response.ts';
import { gzipWithHead } from '../../src/server/http/gzip-with-head.ts';
import { send, type RawAnswer, type RawRequest } from './raw-request.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

const decoders = { br: brotliDecompressSync, gzip: gunzipSync };
const encodings = ['br', 'gzip'] as const;

/** `long` is compressed, `short` is not; both are cached. `own` is not cached. */
const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache: engine }) => {
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
  const cache = { scope: 'public', ttl: '60s' } as const;
  builder.queryType({
    fields: (t) => ({
      long: t.string({ cache, resolve: () => 'größe '.repeat(1_000) }),
      short: t.string({ cache, resolve: () => 'size' }),
      own: t.string({ resolve: () => 'größe '.repeat(1_000) }),
      fails: t.string({ nullable: true, resolve: () => Promise.reject(new Error('no')) }),
    }),
  });
  return builder.toSchema({ cache: { engine } });
};

async function start(overrides: Overrides = {}): Promise<RunningServer> {
  const server = await startServer({ schemaOf, memoryBytesMax: 8_000_000, ...overrides });
  await expect.poll(() => server.cache.memory?.isCoherent ?? true, { timeout: 20_000 }).toBe(true);
  return server;
}

function post(query: string, headers: Record<string, string> = {}): RawRequest {
  return { headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ query }) };
}

function get(query: string, headers: Record<string, string> = {}): RawRequest {
  return { method: 'GET', path: `/graphql?query=${encodeURIComponent(query)}`, headers };
}

function decoded({ headers, bytes }: RawAnswer): string {
  const encoding = encodings.find((one) => one === headers['content-encoding']);
  return (encoding === undefined ? bytes : decoders[encoding](bytes)).toString();
}

/** Enough responses to have one from Yoga, one from the executed-document fast path, and one from the response cache. */
async function onEveryPath({ url }: RunningServer, request: RawRequest): Promise<RawAnswer[]> {
  const responses: RawAnswer[] = [];
  for (let count = 0; count < 5; count += 1) responses.push(await send(url, request));
  return responses;
}

/** Counts the encoders and decoders of zlib that are created from now on. */
function countZlib(): () => number {
  let count = 0;
  const hook = createHook({ init: (_id, type) => void (type === 'ZLIB' && (count += 1)) }).enable();
  onTestFinished(() => void hook.disable());
  return () => count;
}

async function becomesCached(server: RunningServer, request: RawRequest): Promise<void> {
  const isCached = async (): Promise<boolean> => {
    const before = server.executions();
    await send(server.url, request);
    return server.executions() === before;
  };
  await expect.poll(isCached, { interval: 5, timeout: 20_000 }).toBe(true);
}

describe.each([true, false])('with a report: %s', (hasReport) => {
  describe.each([
    ['a POST', post],
    ['a GET', get],
  ])('the response to %s', (_, newRequest) => {
    it.each(encodings)('is compressed with %s on every path, with the same data', async (encoding) => {
      const server = await start({ hasReport });
      const { data } = JSON.parse((await send(server.url, newRequest('{ long }'))).text) as { data: { long: string } };
      for (const query of ['{ long }', '{ long own }']) {
        for (const response of await onEveryPath(server, newRequest(query, { 'accept-encoding': encoding }))) {
          const { headers, bytes } = response;
          expect(headers['content-encoding']).toBe(encoding);
          expect(headers['vary']).toMatch(/(^|, )accept-encoding$/);
          expect([headers['content-length'], headers['transfer-encoding']]).toEqual([String(bytes.length), undefined]);
          expect(bytes.length).toBeLessThan(1_000);
          expect(JSON.parse(decoded(response))).toMatchObject({ data });
        }
      }
    });

    it('is uncompressed if it is short, or if no encoding is accepted', async () => {
      const server = await start({ hasReport: false });
      const br = { 'accept-encoding': 'br' };
      const requests = [
        newRequest('{ short }', br),
        newRequest('{ long }'),
        newRequest('{ long }', { 'accept-encoding': 'identity' }),
      ];
      for (const one of requests) {
        for (const { headers, text } of await onEveryPath(server, one)) {
          expect([headers['content-encoding'], text.startsWith('{"data":')]).toEqual([undefined, true]);
        }
      }
    });

    it.each(encodings)('is compressed once if it is cached, or with brotli once per report: %s', async (encoding) => {
      const server = await start({ hasReport });
      const request = newRequest('{ long }', { 'accept-encoding': encoding });
      await becomesCached(server, newRequest('{ long }'));
      const executed = server.executions();
      const count = countZlib();
      await Promise.all(Array.from({ length: 20 }, () => send(server.url, request)));
      for (let again = 0; again < 20; again += 1) await send(server.url, request);
      // A report differs each time, so brotli has to compress the whole response again. Browsers get gzip.
      const isCompressedAgain = hasReport && newRequest === post && encoding === 'br';
      expect(count()).toBe(isCompressedAgain ? 40 : 1);
      expect(server.executions()).toBe(executed);
    });
  });

  it('a cached response is not compressed again for a browser', async () => {
    const server = await start({ hasReport });
    const browser = { 'accept-encoding': 'gzip, deflate, br, zstd' };
    await becomesCached(server, post('{ long }', browser));
    await send(server.url, post('{ long }', browser));
    const count = countZlib();
    const responses = [await send(server.url, post('{ long }', browser)), await send(server.url, post('{ long }'))];
    expect(count()).toBe(0);
    const [zipped, plain] = responses.map((response) => JSON.parse(decoded(response)) as Record<string, unknown>);
    expect(zipped?.['data']).toEqual(plain?.['data']);
    expect(zipped?.['extensions'] !== undefined).toBe(hasReport);
  });
});

it('compresses a response again after its value has changed', async () => {
  let text = 'old '.repeat(1_000);
  const server = await start({
    hasReport: false,
    schemaOf({ cache: engine }) {
      const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
      const cache = { scope: 'public', ttl: '60s', tags: ['text'] } as const;
      builder.queryType({ fields: (t) => ({ text: t.string({ cache, resolve: () => text }) }) });
      return builder.toSchema({ cache: { engine } });
    },
  });
  const request = post('{ text }', { 'accept-encoding': 'br' });
  await becomesCached(server, request);
  expect(decoded(await send(server.url, request))).toContain('old old');
  text = 'new '.repeat(1_000);
  await server.cache.invalidate(['text']);
  for (const response of await onEveryPath(server, request)) expect(decoded(response)).toContain('new new');
});

it.each(['br', 'gzip', 'gzip, br', 'identity'])('responds 304 to its ETag, Accept-Encoding: %s', async (encoding) => {
  const server = await start();
  const headers = { 'accept-encoding': encoding };
  await becomesCached(server, get('{ long }', headers));
  const responses = await onEveryPath(server, get('{ long }', headers));
  const [etag = ''] = responses.map((response) => response.headers.etag);
  expect(etag).toMatch(/^W\//);
  expect(new Set(responses.map((response) => response.headers.etag))).toEqual(new Set([etag]));
  for (const accept of ['*/*', 'application/graphql-response+json']) {
    const known = await send(server.url, get('{ long }', { ...headers, accept, 'if-none-match': etag }));
    expect([known.status, known.bytes.length, known.headers['content-encoding']]).toEqual([304, 0, undefined]);
    expect([known.headers.etag, known.headers.vary]).toEqual([etag, 'accept, accept-encoding']);
    expect(known.headers['content-length']).toBeUndefined();
  }
});

it.each(encodings)('a HEAD that accepts %s gets the headers of a GET', async (encoding) => {
  const server = await start();
  const request = get('{ long }', { 'accept-encoding': encoding });
  for (const head of await onEveryPath(server, { ...request, method: 'HEAD' })) {
    const whole = await send(server.url, request);
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    for (const name of ['content-encoding', 'content-length', 'etag', 'vary', 'content-type']) {
      expect(head.headers[name]).toBe(whole.headers[name]);
    }
  }
});

it('the response to a GET varies by Accept-Encoding even if it is uncompressed', async () => {
  const server = await start();
  for (const { headers } of await onEveryPath(server, get('{ long }'))) {
    expect(headers.vary).toMatch(/^accept, (authorization, )?accept-encoding$/);
  }
  for (const { headers } of await onEveryPath(server, get('{ own }'))) {
    expect(headers.vary).toBe('accept, authorization, accept-encoding');
  }
});

it('a response with errors is compressed, an event stream is not', async () => {
  const server = await start();
  const headers = { 'accept-encoding': 'gzip' };
  const failed = await send(server.url, post('{ long fails }', headers));
  expect(failed.headers['content-encoding']).toBe('gzip');
  expect(decoded(failed)).toContain('"errors"');
  const events = await send(server.url, post('{ long }', { ...headers, accept: 'text/event-stream' }));
  expect(events.text).toContain('event: next');
});

it('the metrics are compressed', async () => {
  const server = await start();
  const response = await send(server.url, { method: 'GET', path: '/metrics', headers: { 'accept-encoding': 'gzip' } });
  expect([response.headers['content-encoding'], response.headers.vary]).toEqual(['gzip', 'accept-encoding']);
  expect(decoded(response)).toContain('process_resident_memory_bytes');
});

it.each<[header: string | undefined, encoding: string | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip;q=1.0, br;q=0.9', 'gzip'],
  ['gzip;q=0.9, br;q=1.0', 'br'],
  ['gzip;q=0', undefined],
  ['gzip;q=0, br', 'br'],
  ['br;q=0, *', 'gzip'],
  ['*', 'br'],
  ['*;q=0', undefined],
  ['*;q=0, gzip', 'gzip'],
  ['*;q=0.1, identity', undefined],
  ['identity', undefined],
  ['identity, gzip;q=0.5', undefined],
  ['identity;q=0.5, gzip', 'gzip'],
  ['gzip;q=0.5', 'gzip'],
  ['gzip;q=0.001', 'gzip'],
  ['deflate, zstd, compress', undefined],
  ['gzip;q=x', undefined],
  ['gzip ; q=0.2 , br ; q=0.1', 'gzip'],
  [';;,,gzip', 'gzip'],
  ['gzipped', undefined],
])('Accept-Encoding %j selects %j', (header, encoding) => {
  expect(encodingFor(header, 2_000)).toBe(encoding);
});

it('compresses short responses only for clients that refuse uncompressed ones', () => {
  expect(encodingFor('br', 1_023)).toBeUndefined();
  expect(encodingFor('br', 1_024)).toBe('br');
  for (const header of ['gzip, identity;q=0', 'gzip, *;q=0']) expect(encodingFor(header, 10)).toBe('gzip');
});

it.each([
  ['already encoded', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ['marked no-transform', { 'content-type': 'application/json', 'cache-control': 'public, No-Transform' }],
  ['an image', { 'content-type': 'image/png' }],
])('does not compress a response that is %s', async (_, headers) => {
  const response = { status: 200, headers, body: 'x'.repeat(10_000) };
  const request = { method: 'GET', headers: { 'accept-encoding': 'br' } };
  expect(await encodeResponse(request, response)).toBe(response);
});

it('limits the bytes that are compressed at once, and does not compress the rest', async () => {
  const bytes = Buffer.alloc(1_000_000, 'ab');
  const all = await Promise.all(Array.from({ length: 100 }, () => compressed(bytes, 'gzip')));
  const made = all.filter((one) => one !== undefined);
  expect(made.length).toBeGreaterThan(10);
  expect(made.length).toBeLessThan(40);
  expect(await compressed(bytes, 'gzip')).toBeDefined();
  expect(await compressed(Buffer.alloc(40_000_000), 'br')).toBeUndefined();
});

it.each([0, 1, 700, 65_535, 65_536, 200_000])('joins a head of %i bytes and a deflated body', (length) => {
  const [head, body] = [Buffer.alloc(length, 'head '), Buffer.from('{"größe":1}'.repeat(500))];
  const zipped = gzipWithHead(head, body, deflateRawSync(body));
  expect(gunzipSync(zipped).equals(Buffer.concat([head, body]))).toBe(true);
});
