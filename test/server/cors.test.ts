// Which pages of other sites may read responses, and what is logged about the others.
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { Cors } from '../../src/server/http/cors.ts';
import { send, type RawAnswer, type RawRequest } from './raw-request.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

const [shop, other, evil] = ['https://shop.example', 'http://localhost:3000', 'https://evil.example'];
const body = '{"query":"{ categoryStats { id } }"}';
const path = '/graphql?query={categoryStats{id name productCount reviewCount avgRating minPrice}}';

function post(headers: Record<string, string> = {}): RawRequest {
  return { headers: { 'content-type': 'application/json', ...headers }, body };
}

function get(headers: Record<string, string> = {}): RawRequest {
  return { method: 'GET', path: encodeURI(path), headers };
}

function preflight(origin: string, headers: Record<string, string> = {}): RawRequest {
  return { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', ...headers } };
}

function start(corsOrigins: readonly string[], overrides: Overrides = {}): Promise<RunningServer> {
  return startServer({ memoryBytesMax: 8_000_000, corsOrigins, ...overrides });
}

function allowedIn({ headers }: RawAnswer): string | undefined {
  return headers['access-control-allow-origin'];
}

/** Sends the requests in turn, in enough rounds for Yoga, the executed-document fast path and the response cache. */
async function inRounds({ url }: RunningServer, requests: readonly RawRequest[]): Promise<RawAnswer[][]> {
  const rounds: RawAnswer[][] = [];
  for (let round = 0; round < 5; round += 1) {
    const responses: RawAnswer[] = [];
    for (const request of requests) responses.push(await send(url, request));
    rounds.push(responses);
  }
  return rounds;
}

const warnings = ({ logLines }: RunningServer): string[] => logLines.filter((line) => line.includes('CORS'));

describe.each([
  ['a POST', post],
  ['a GET', get],
])('the response to %s', (_, request) => {
  it('can be read by pages of each listed origin, and names only the origin of its request', async () => {
    const server = await start([shop, other]);
    const rounds = await inRounds(server, [
      request({ origin: shop }),
      request({ origin: other }),
      request({ origin: evil }),
      request(),
    ]);
    for (const responses of rounds) {
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(responses.map(allowedIn)).toEqual([shop, other, undefined, undefined]);
      for (const { headers } of responses) expect(String(headers.vary).split(', ')).toContain('origin');
      expect(responses[0]?.headers['access-control-expose-headers']).toContain('etag');
      expect(responses[0]?.headers['access-control-allow-credentials']).toBeUndefined();
    }
  });

  it('adds origin to the other names in Vary', async () => {
    const server = await start([shop]);
    const plain = await start([]);
    const encoded = { origin: shop, 'accept-encoding': 'gzip' };
    const [without, ...rest] = await inRounds(plain, [request(encoded)]);
    for (const [response] of await inRounds(server, [request(encoded)])) {
      const names = (headers: RawAnswer['headers'] | undefined): string[] =>
        (headers?.vary ?? '')
          .split(', ')
          .filter((name) => !['', 'authorization'].includes(name))
          .toSorted();
      const expected = [...names(without?.[0]?.headers), 'origin'].toSorted();
      expect(names(response?.headers)).toEqual(expected);
    }
    expect(rest.length).toBe(4);
  });

  it('can be read by every page with CORS_ORIGINS=*', async () => {
    const server = await start(['*']);
    for (const round of await inRounds(server, [request({ origin: evil }), request({ origin: 'null' }), request()])) {
      expect(round.map(allowedIn)).toEqual(['*', '*', '*']);
      for (const { headers } of round) expect(headers.vary ?? '').not.toContain('origin');
    }
    expect(warnings(server)).toEqual([]);
  });

  it('can be read by no page of another site by default', async () => {
    const server = await start([]);
    for (const responses of await inRounds(server, [request({ origin: evil }), request()])) {
      for (const { headers } of responses) {
        expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
        expect(headers.vary ?? '').not.toContain('origin');
      }
    }
  });
});

it.each<[string, RawRequest, number]>([
  ['a syntax error', { ...post({ origin: shop }), body: '{"query":"{"}' }, 200],
  ['invalid JSON', { ...post({ origin: shop }), body: '{' }, 400],
  ['another content type', { headers: { origin: shop, 'content-type': 'text/plain' }, body }, 415],
  ['no acceptable media type', post({ origin: shop, accept: 'image/png' }), 406],
  ['another method', { method: 'PUT', headers: { origin: shop } }, 405],
  [
    'a mutation by GET',
    { method: 'GET', path: '/graphql?query=mutation{flushCache{keysRemoved}}', headers: { origin: shop } },
    405,
  ],
  [
    'an unknown persisted query',
    {
      ...post({ origin: shop }),
      body: `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"${'a'.repeat(64)}"}}}`,
    },
    200,
  ],
])('a page of an allowed origin can read the refusal of %s', async (_, request, status) => {
  const server = await start([shop]);
  const response = await send(server.url, request);
  expect([response.status, allowedIn(response), response.headers.vary]).toEqual([
    status,
    shop,
    expect.stringContaining('origin'),
  ]);
  expect(response.text).toContain('"errors"');
});

it('a 304 names the origin of its own request', async () => {
  const server = await start([shop, other]);
  const { headers } = await send(server.url, get({ origin: shop }));
  const request = get({ origin: other, 'if-none-match': headers.etag ?? '' });
  for (const [response] of await inRounds(server, [request])) {
    expect(response && [response.status, allowedIn(response)]).toEqual([304, other]);
    expect(response?.headers.vary).toMatch(/\borigin\b/);
  }
});

describe('a preflight', () => {
  it.each([[shop], ['*']])('allows the requested headers with CORS_ORIGINS=%s', async (origin) => {
    const server = await start([origin]);
    const requested = 'Authorization,content-type, apollo-require-preflight, x-my-header';
    const response = await send(server.url, preflight(shop, { 'access-control-request-headers': requested }));
    expect([response.status, response.text]).toEqual([204, '']);
    expect(response.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'authorization, content-type, apollo-require-preflight, x-my-header',
      'access-control-max-age': '7200',
    });
    const vary = String(response.headers.vary).split(', ');
    expect(vary).toContain('access-control-request-headers');
    expect(vary.includes('origin')).toBe(origin !== '*');
    expect(response.headers['content-length']).toBeUndefined();
    expect(server.executions()).toBe(0);
  });

  it('allows default headers if none are requested, and ignores invalid names', async () => {
    const server = await start([shop]);
    const allowed = async (headers: Record<string, string>): Promise<unknown> =>
      (await send(server.url, preflight(shop, headers))).headers['access-control-allow-headers'];
    expect(await allowed({})).toBe('authorization, content-type');
    expect(await allowed({ 'access-control-request-headers': 'x-a, x b, "c", ,x-d' })).toBe('x-a, x-d');
  });

  it.each([[[shop]], [[]]])('from another origin is refused if the allowed origins are %j', async (origins) => {
    const server = await start(origins);
    const response = await send(server.url, preflight(evil));
    expect([response.status, allowedIn(response)]).toEqual([403, undefined]);
    expect(response.text).toContain('CORS_ORIGINS');
    expect(warnings(server)).toHaveLength(1);
  });

  it('without an origin or a requested method gets 405, like any other OPTIONS', async () => {
    const server = await start([shop]);
    expect((await send(server.url, { method: 'OPTIONS', headers: {} })).status).toBe(405);
    expect((await send(server.url, { method: 'OPTIONS', headers: { origin: shop } })).status).toBe(405);
  });
});

describe('the log', () => {
  it.each<[origins: string[], origin: string, remedy: string]>([
    [[], shop, `set CORS_ORIGINS=${shop} to allow it`],
    [[other], shop, `set CORS_ORIGINS=${other},${shop} to allow it`],
    [[other], 'null', 'only CORS_ORIGINS=* would allow it'],
    [[other], 'file://', 'only CORS_ORIGINS=* would allow it'],
  ])('with %j allowed, names the refused origin %s once, with the remedy: %s', async (origins, origin, remedy) => {
    const server = await start(origins);
    for (let again = 0; again < 3; again += 1) await send(server.url, post({ origin }));
    const lines = warnings(server).map((line) => JSON.parse(line) as { level: number; msg: string });
    const msg = `CORS: a page of ${origin} may not read the answers; ${remedy}`;
    expect(lines).toMatchObject([{ level: 40, msg }]);
  });

  it('does not name the origin of the server itself, or an allowed one', async () => {
    const server = await start([shop]);
    await send(server.url, post({ origin: server.url }));
    await send(server.url, post({ origin: 'https://proxied.example', 'sec-fetch-site': 'same-origin' }));
    await send(server.url, post({ origin: 'https://proxied.example', host: 'proxied.example' }));
    await send(server.url, post({ origin: shop }));
    expect(warnings(server)).toEqual([]);
  });

  it('names at most ten refused origins a minute, each shortened and printable', () => {
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    let nowMs = 0;
    const cors = new Cors({ origins: [shop], log, nowMs: () => nowMs });
    const refuse = (origin: string): unknown => cors.headersFor({ headers: { origin, host: 'a' } });
    for (let n = 0; n < 1_000; n += 1) refuse(`https://evil-${n}.example`);
    expect(lines).toHaveLength(10);
    nowMs = 60_000;
    refuse(`https://${'x'.repeat(10_000)}\u009b\u0007é`);
    refuse('\u009b31m\tCORS');
    expect(lines).toHaveLength(12);
    for (const line of lines.slice(10)) {
      expect(line.length).toBeLessThan(500);
      expect(line.trimEnd()).toMatch(/^[\x20-\x7e…]*$/);
    }
  });
});
