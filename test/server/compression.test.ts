// Compressed answers: the same text in every encoding and on every way, and compressed once where it is sent repeatedly.
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

/** By Yoga, without it, when it becomes ready, and when it is. */
async function onEachWay({ url }: RunningServer, request: RawRequest): Promise<RawAnswer[]> {
  const answers: RawAnswer[] = [];
  for (let count = 0; count < 5; count += 1) answers.push(await send(url, request));
  return answers;
}

/** How many encoders and decoders are made from now on. */
function countZlib(): () => number {
  let count = 0;
  const hook = createHook({ init: (_id, type) => void (type === 'ZLIB' && (count += 1)) }).enable();
  onTestFinished(() => void hook.disable());
  return () => count;
}

async function becomesReady(server: RunningServer, request: RawRequest): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const before = server.executions();
    await send(server.url, request);
    return server.executions() === before;
  };
  await expect.poll(isReady, { interval: 5, timeout: 20_000 }).toBe(true);
}

describe.each([true, false])('with a report: %s', (hasReport) => {
  describe.each([
    ['a POST', post],
    ['a GET', get],
  ])('%s', (_, request) => {
    it.each(encodings)('is answered in %s on each way, with the same data', async (encoding) => {
      const server = await start({ hasReport });
      const { data } = JSON.parse((await send(server.url, request('{ long }'))).text) as { data: { long: string } };
      for (const query of ['{ long }', '{ long own }']) {
        for (const answer of await onEachWay(server, request(query, { 'accept-encoding': encoding }))) {
          const { headers, bytes } = answer;
          expect(headers['content-encoding']).toBe(encoding);
          expect(headers['vary']).toMatch(/(^|, )accept-encoding$/);
          expect([headers['content-length'], headers['transfer-encoding']]).toEqual([String(bytes.length), undefined]);
          expect(bytes.length).toBeLessThan(1_000);
          expect(JSON.parse(decoded(answer))).toMatchObject({ data });
        }
      }
    });

    it('is answered as it is where it is short, or where that is asked for', async () => {
      const server = await start({ hasReport: false });
      const br = { 'accept-encoding': 'br' };
      const asking = [
        request('{ short }', br),
        request('{ long }'),
        request('{ long }', { 'accept-encoding': 'identity' }),
      ];
      for (const asked of asking) {
        for (const { headers, text } of await onEachWay(server, asked)) {
          expect([headers['content-encoding'], text.startsWith('{"data":')]).toEqual([undefined, true]);
        }
      }
    });

    it.each(encodings)('that is ready is compressed to %s once, also for all who ask at once', async (encoding) => {
      const server = await start({ hasReport });
      const asked = request('{ long }', { 'accept-encoding': encoding });
      await becomesReady(server, request('{ long }'));
      const ready = server.executions();
      const count = countZlib();
      await Promise.all(Array.from({ length: 20 }, () => send(server.url, asked)));
      for (let again = 0; again < 20; again += 1) await send(server.url, asked);
      // A report is another one each time, and brotli has to be made anew with it. Browsers get gzip.
      const isMadeAnew = hasReport && request === post && encoding === 'br';
      expect(count()).toBe(isMadeAnew ? 40 : 1);
      expect(server.executions()).toBe(ready);
    });
  });

  it('a ready answer is not compressed again for a browser', async () => {
    const server = await start({ hasReport });
    const browser = { 'accept-encoding': 'gzip, deflate, br, zstd' };
    await becomesReady(server, post('{ long }', browser));
    await send(server.url, post('{ long }', browser));
    const count = countZlib();
    const answers = [await send(server.url, post('{ long }', browser)), await send(server.url, post('{ long }'))];
    expect(count()).toBe(0);
    const [zipped, plain] = answers.map((answer) => JSON.parse(decoded(answer)) as Record<string, unknown>);
    expect(zipped?.['data']).toEqual(plain?.['data']);
    expect(zipped?.['extensions'] !== undefined).toBe(hasReport);
  });
});

it('makes a compressed answer anew when its value changes', async () => {
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
  const asked = post('{ text }', { 'accept-encoding': 'br' });
  await becomesReady(server, asked);
  expect(decoded(await send(server.url, asked))).toContain('old old');
  text = 'new '.repeat(1_000);
  await server.cache.invalidate(['text']);
  for (const answer of await onEachWay(server, asked)) expect(decoded(answer)).toContain('new new');
});

it.each(['br', 'gzip', 'gzip, br', 'identity'])('is told by 304 to a client that takes %s', async (encoding) => {
  const server = await start();
  const headers = { 'accept-encoding': encoding };
  await becomesReady(server, get('{ long }', headers));
  const answers = await onEachWay(server, get('{ long }', headers));
  const [etag = ''] = answers.map((answer) => answer.headers.etag);
  expect(etag).toMatch(/^W\//);
  expect(new Set(answers.map((answer) => answer.headers.etag))).toEqual(new Set([etag]));
  for (const accept of ['*/*', 'application/graphql-response+json']) {
    const known = await send(server.url, get('{ long }', { ...headers, accept, 'if-none-match': etag }));
    expect([known.status, known.bytes.length, known.headers['content-encoding']]).toEqual([304, 0, undefined]);
    expect([known.headers.etag, known.headers.vary]).toEqual([etag, 'accept, accept-encoding']);
    expect(known.headers['content-length']).toBeUndefined();
  }
});

it.each(encodings)('a HEAD that takes %s has the headers of a GET', async (encoding) => {
  const server = await start();
  const asked = get('{ long }', { 'accept-encoding': encoding });
  for (const head of await onEachWay(server, { ...asked, method: 'HEAD' })) {
    const whole = await send(server.url, asked);
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    for (const name of ['content-encoding', 'content-length', 'etag', 'vary', 'content-type']) {
      expect(head.headers[name]).toBe(whole.headers[name]);
    }
  }
});

it('what a GET’s answer depends on is said also where it is sent as it is', async () => {
  const server = await start();
  for (const { headers } of await onEachWay(server, get('{ long }'))) {
    expect(headers.vary).toMatch(/^accept, (authorization, )?accept-encoding$/);
  }
  for (const { headers } of await onEachWay(server, get('{ own }'))) {
    expect(headers.vary).toBe('accept, authorization, accept-encoding');
  }
});

it('an answer with errors is compressed, events are not', async () => {
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
  const answer = await send(server.url, { method: 'GET', path: '/metrics', headers: { 'accept-encoding': 'gzip' } });
  expect([answer.headers['content-encoding'], answer.headers.vary]).toEqual(['gzip', 'accept-encoding']);
  expect(decoded(answer)).toContain('process_resident_memory_bytes');
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
])('Accept-Encoding %j: %j', (header, encoding) => {
  expect(encodingFor(header, 2_000)).toBe(encoding);
});

it('compresses short answers for clients that refuse them as they are, and no others', () => {
  expect(encodingFor('br', 1_023)).toBeUndefined();
  expect(encodingFor('br', 1_024)).toBe('br');
  for (const header of ['gzip, identity;q=0', 'gzip, *;q=0']) expect(encodingFor(header, 10)).toBe('gzip');
});

it.each([
  ['encoded already', { 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ['not to be transformed', { 'content-type': 'application/json', 'cache-control': 'public, No-Transform' }],
  ['an image', { 'content-type': 'image/png' }],
])('leaves alone what is %s', async (_, headers) => {
  const answer = { status: 200, headers, body: 'x'.repeat(10_000) };
  const request = { method: 'GET', headers: { 'accept-encoding': 'br' } };
  expect(await encodeResponse(request, answer)).toBe(answer);
});

it('compresses so much at once, and leaves the rest as it is', async () => {
  const bytes = Buffer.alloc(1_000_000, 'ab');
  const all = await Promise.all(Array.from({ length: 100 }, () => compressed(bytes, 'gzip')));
  const made = all.filter((one) => one !== undefined);
  expect(made.length).toBeGreaterThan(10);
  expect(made.length).toBeLessThan(40);
  expect(await compressed(bytes, 'gzip')).toBeDefined();
  expect(await compressed(Buffer.alloc(40_000_000), 'br')).toBeUndefined();
});

it.each([0, 1, 700, 65_535, 65_536, 200_000])('puts a head of %i bytes before a deflated body', (length) => {
  const [head, body] = [Buffer.alloc(length, 'head '), Buffer.from('{"größe":1}'.repeat(500))];
  const zipped = gzipWithHead(head, body, deflateRawSync(body));
  expect(gunzipSync(zipped).equals(Buffer.concat([head, body]))).toBe(true);
});
