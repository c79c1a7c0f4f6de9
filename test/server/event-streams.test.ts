// Subscriptions by server-sent events: what they deliver, how many there may be, and how they end.
import { request, type IncomingMessage } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { send } from './raw-request.ts';
import { startServer, type RunningServer } from './start-server.ts';

interface Snapshot {
  at: number;
  keys: number | null;
  events: { kind: string; detail: string }[];
}

interface OpenStream {
  readonly response: IncomingMessage;
  /** All so far. */
  readonly snapshots: Snapshot[];
  /** What has happened, in order. */
  happened: () => string[];
  /** Whether the server has ended it, and whether before the response was complete. */
  readonly ended: { isEnded: boolean; isCutOff: boolean };
  leave: () => void;
}

const events = 'text/event-stream';
const query = 'subscription Watch($since: Float) { cacheEvents(since: $since) { at keys events { kind detail } } }';
const headers = { 'content-type': 'application/json', accept: events };

async function subscribe({ url }: RunningServer, since?: number): Promise<OpenStream> {
  const snapshots: Snapshot[] = [];
  const ended = { isEnded: false, isCutOff: false };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const sent = request(`${url}/graphql`, { method: 'POST', headers, agent: false }, resolve);
    sent.on('error', reject);
    sent.end(JSON.stringify({ query, variables: { since } }));
    onTestFinished(() => void sent.destroy());
  });
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (text + chunk).split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const [, json] = /^event: next\ndata: (.*)$/s.exec(part) ?? [];
      if (json !== undefined)
        snapshots.push((JSON.parse(json) as { data: { cacheEvents: Snapshot } }).data.cacheEvents);
    }
  });
  response.on('error', () => {});
  response.on('close', () => Object.assign(ended, { isEnded: true, isCutOff: !response.complete }));
  const happened = (): string[] =>
    snapshots.flatMap((one) => one.events).map(({ kind, detail }) => `${kind}: ${detail}`);
  return { response, snapshots, happened, ended, leave: () => void response.destroy() };
}

function refusalIn(text: string): unknown {
  const json = text.includes('data: ') ? /data: (.*)/.exec(text)?.[1] : text;
  const { errors } = JSON.parse(json ?? '') as { errors: { message: string; extensions: { code: string } }[] };
  return errors.map(({ message, extensions }) => `${extensions.code}: ${message}`).join();
}

describe('subscription cacheEvents', () => {
  it('delivers the state of the cache at once, and then what happens', async () => {
    const server = await startServer();
    const stream = await subscribe(server);
    expect(stream.response.statusCode).toBe(200);
    expect(stream.response.headers['content-type']).toBe(events);
    expect(stream.response.headers['content-encoding'] ?? 'none').toBe('none');
    await expect.poll(() => stream.snapshots[0]).toMatchObject({ keys: 0, events: [] });
    await server.row('{ categoryStats { id } }');
    await expect.poll(() => stream.snapshots.at(-1)?.keys).toBe(1);
    await server.cache.invalidate(['products']);
    await expect.poll(stream.happened).toEqual(['INVALIDATION: products']);
    await server.cache.flush();
    await expect.poll(stream.happened).toEqual(['INVALIDATION: products', 'FLUSH: 1 key removed']);
  });

  it('delivers what has happened since the last snapshot of a lost connection', async () => {
    const server = await startServer();
    const lost = await subscribe(server);
    await server.cache.invalidate(['products']);
    await expect.poll(lost.happened).toEqual(['INVALIDATION: products']);
    lost.leave();
    await server.cache.invalidate(['reviews']);
    const next = await subscribe(server, lost.snapshots.at(-1)?.at);
    await expect.poll(next.happened).toEqual(['INVALIDATION: reviews']);
  });

  it('lasts longer than the limit on any other response', async () => {
    const answerMsMax = 300;
    const server = await startServer({ trafficLimits: { answerMsMax } });
    const stream = await subscribe(server);
    await expect.poll(() => stream.snapshots.length).toBeGreaterThan(0);
    const [first] = stream.snapshots;
    await expect.poll(() => Number(stream.snapshots.at(-1)?.at) - Number(first?.at)).toBeGreaterThan(10 * answerMsMax);
    expect(stream.ended.isEnded).toBe(false);
  });

  it('is logged with its name when its client leaves', async () => {
    const server = await startServer();
    (await subscribe(server)).leave();
    const lines = (): string[] => server.logLines.filter((line) => line.includes('"operation":"Watch"'));
    await expect.poll(lines).toHaveLength(1);
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ path: '/graphql', status: 200, isAborted: true });
  });

  it('may be open twenty times, while other requests are answered; a client that leaves makes room', async () => {
    const server = await startServer();
    const open = await Promise.all(Array.from({ length: 20 }, () => subscribe(server)));
    const body = JSON.stringify({ query });
    const refused = await send(server.url, { headers, body });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(refusalIn(refused.text)).toBe('OVERLOADED: Too many subscriptions are open; try again.');
    expect((await server.row('{ categoryStats { id } }')).state).toBe('miss');
    expect((await server.get('/metrics')).text).toContain('cachepot_traffic_refused_total{limit="streamsMax"} 1');
    open[7]?.leave();
    await expect.poll(async () => (await subscribe(server)).response.statusCode).toBe(200);
    expect(open.filter(({ ended }) => ended.isEnded)).toHaveLength(1);
  });
});

// As the protocol says, a stream that tells why has the status 200.
describe('is refused', () => {
  it.each([
    [
      'to a client that wants JSON',
      { accept: 'application/json' },
      query,
      406,
      /BAD_USER_INPUT: .*Accept: text\/event-stream/,
    ],
    ['to a client that accepts anything', { accept: '*/*' }, query, 406, /BAD_USER_INPUT/],
    [
      'if it is invalid',
      {},
      'subscription { cacheEvents { no } }',
      200,
      /GRAPHQL_VALIDATION_FAILED: Cannot query field "no"/,
    ],
    [
      'if it has two fields',
      {},
      'subscription { a: cacheEvents { at } b: cacheEvents { at } }',
      200,
      /GRAPHQL_VALIDATION_FAILED: .*one top level field/,
    ],
    [
      'if it is too complex',
      {},
      `subscription { cacheEvents { ${'abcdefgh'
        .split('')
        .map((name) => `${name}: events { at kind detail }`)
        .join(' ')} } }`,
      200,
      /QUERY_TOO_COMPLEX/,
    ],
  ])('%s', async (_title, more, document, status, reason) => {
    const server = await startServer({ redis: null });
    const refused = await send(server.url, {
      headers: { ...headers, ...more },
      body: JSON.stringify({ query: document }),
    });
    expect(refused.status).toBe(status);
    expect(refusalIn(refused.text)).toMatch(reason);
  });

  it('by GET, which any page could send', async () => {
    const server = await startServer({ redis: null });
    const path = `/graphql?query=${encodeURIComponent('subscription { cacheEvents { at } }')}`;
    const refused = await send(server.url, { method: 'GET', path, headers: { accept: events } });
    expect([refused.status, refused.headers['allow']]).toEqual([405, 'POST']);
    expect(refusalIn(refused.text)).toBe('BAD_USER_INPUT: A subscription is sent by POST, not by GET.');
  });

  it('without a console', async () => {
    const server = await startServer({ redis: null, hasConsole: false });
    const refused = await send(server.url, { headers, body: JSON.stringify({ query }) });
    expect(refused.status).toBe(200);
    expect(refusalIn(refused.text)).toMatch(/BAD_USER_INPUT: .*subscription/);
  });
});

it('is cut off when the server closes, so that its client connects to another one; new ones are refused', async () => {
  const server = await startServer();
  const stream = await subscribe(server);
  await expect.poll(() => stream.snapshots.length).toBeGreaterThan(0);
  const closed = server.http.close({ drainMs: 2_000 });
  await expect.poll(() => stream.ended).toEqual({ isEnded: true, isCutOff: true });
  const refused = await send(server.url, { headers, body: JSON.stringify({ query }) });
  expect(refused.status).toBe(503);
  await closed;
});
