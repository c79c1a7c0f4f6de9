// The engine's log without any listener of the user's own: at most one line per minute of each kind.
import { createServer, type AddressInfo } from 'node:net';
import { expect, describe, it, onTestFinished, vi } from 'vitest';
import {
  CacheError,
  createCache,
  createMemoryStore,
  createPolicy,
  createRedisStore,
  type CacheLog,
} from '../../../src/cache/index.ts';
import { currentLoad } from '../../../src/cache/scope/load-scope.ts';
import { newTcpProxy } from '../../support/tcp-proxy.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { newNamespace, newWorld, redisClient, TestClock, times, type World } from '../world.ts';

class Decimal {
  readonly cents = 1;
}

interface Line {
  readonly level: 'warn' | 'info';
  readonly fields: object;
  readonly message: string;
}

/** A log that keeps its lines, as `pino` would write them. */
function newLog(): { log: CacheLog; lines: Line[]; take: () => string[] } {
  const lines: Line[] = [];
  const log: CacheLog = {
    warn: (fields, message) => void lines.push({ level: 'warn', fields, message }),
    info: (fields, message) => void lines.push({ level: 'info', fields, message }),
  };
  return { log, lines, take: () => lines.splice(0).map(({ level, message }) => `${level}: ${message}`) };
}

const returnDecimal = { load: () => [{ price: new Decimal() }] };

describe('without the option log', () => {
  it('warnings go to the console as text, at most one a minute of each kind', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const clock = new TestClock();
    const cache = createCache({ store: createMemoryStore({ namespace: 'shop', clock }), clock });
    const policy = createPolicy('Query.books', { ttl: '60s' });
    const fetch = async (): Promise<unknown> =>
      cache.fetch(cache.key({ field: 'Query.books' }), policy, returnDecimal.load);
    for (const _ of times(5, Number)) await fetch();
    expect(warn.mock.calls).toEqual([
      [
        'cachepot: Query.books: answered, not stored: instance of Decimal at 0.price, which needs a codec (codecs of createCache). ' +
          'Return plain data: objects, lists, text, numbers, bigint, Date, bytes, Map or Set.',
      ],
    ]);
    cache.uncached('Query.books', new Error('no'));
    expect(warn).toHaveBeenCalledTimes(2); // of another kind
    clock.advance(60_000);
    expect(String(warn.mock.calls.at(-1))).toContain('(4 times in the last minute)');
    await cache.close();
  });

  it('nothing goes to the console with log: false', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const cache = createCache({ store: createMemoryStore({ namespace: 'shop' }), log: false });
    cache.uncached('Query.books', new Error('no'));
    expect(warn).not.toHaveBeenCalled();
    await cache.close();
  });
});

it('summarizes the suppressed warnings with their fields when the minute is over, then logs nothing more', async () => {
  const { log, take } = newLog();
  const { fetch, clock } = await newWorld('memory', { log });
  for (const field of ['Query.a', 'Query.b', 'Query.b', 'Query.c']) await fetch({ field, ...returnDecimal });
  expect(take()).toEqual([expect.stringContaining('Query.a: answered, not stored')]);
  clock.advance(59_999);
  expect(take()).toEqual([]);
  clock.advance(1);
  expect(take()).toEqual([
    expect.stringMatching(/Query\.b: .*\(2 times in the last minute; also Query\.c \(once\)\)$/),
  ]);
  clock.advance(600_000);
  expect(take()).toEqual([]);
  await fetch({ field: 'Query.a', ...returnDecimal });
  expect(take()).toHaveLength(1);
});

it('limits the length of the summary, however many fields it covers', async () => {
  const { log, take } = newLog();
  const { cache, clock } = await newWorld('memory', { log });
  for (const id of times(10_000, Number)) cache.uncached(`Query.f${id}`, new Error('no'));
  clock.advance(60_000);
  const [, last = ''] = take();
  expect(last).toContain('other fields (9979 times)');
  expect(last.length).toBeLessThan(2_000);
});

describe('logs why a value was not stored, and what to do about it', () => {
  it.each<[string, Parameters<World['fetch']>[0], RegExp]>([
    [
      'a value that is too large',
      { load: () => 'x'.repeat(4_100_000) },
      /^warn: Query\.field: .* 4 million .*Return less/,
    ],
    [
      'a read from an unknown source',
      { load: () => (currentLoad()?.touchUnknown('raw SQL'), 1) },
      /^warn: Query\.field: .*raw SQL\. Name its tables as tags/,
    ],
    [
      'an uncommitted read',
      { load: () => (currentLoad()?.readsUncommitted('an open transaction'), 1) },
      /^warn: Query\.field: .*an open transaction\. Begin the transaction/,
    ],
  ])('%s', async (_, request, expected) => {
    const { log, take } = newLog();
    const { fetch } = await newWorld('memory', { log });
    await fetch(request);
    expect(take()).toEqual([expect.stringMatching(expected)]);
  });

  it('a viewer-dependent value', async () => {
    const { log, lines } = newLog();
    const { fetch } = await newWorld('memory', { log });
    await fetch({ load: () => fetch({ field: 'Query.mine', viewer: 'ann' }) });
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { field: 'Query.field', reason: 'viewer-dependent', what: 'Query.mine' },
        message: expect.stringMatching(/^Query\.field: .* Set scope: 'private'/) as string,
      },
    ]);
  });

  it('but logs no warning for a touched tag or an invalidation', async () => {
    const { log, take } = newLog();
    const { fetch, cache } = await newWorld('memory', { log });
    await fetch({ load: () => (currentLoad()?.touch(['reviews']), 1) });
    await cache.invalidate(['reviews:ann@example.com']);
    expect(take()).toEqual(['info: cache invalidated']);
    // As often as rows change in the database.
    await cache.invalidate(['reviews:ann@example.com'], { isFed: true });
    expect(take()).toEqual([]);
  });
});

it('logs no values, arguments, tag ids or messages of foreign errors', async () => {
  const { log, lines } = newLog();
  const { fetch, cache, clock } = await newWorld('memory', { log });
  const args = { q: 'swordfish', more: ['tunafish'] };
  await fetch({ args, viewer: 'catfish', load: () => ({ swordfish: { tunafish: { catfish: new Decimal() } } }) });
  await fetch({ args: { q: 'codfish' }, load: () => new Map([['codfish', { 'dogfish@sea': () => 1 }]]) });
  cache.uncached('Query.a', new Error('swordfish'));
  cache.uncached('Query.b', Object.assign(new TypeError('swordfish'), { code: 'swordfish is no code' }));
  cache.uncached('Query.c', 'swordfish');
  expect(() => createPolicy('Query.d', { ttl: '60s', tags: ['swordfish'.repeat(40)] })).toThrow(
    expect.toSatisfy((error) => (cache.uncached('Query.d', error), true)),
  );
  clock.advance(60_000);
  cache.emit({ type: 'store-failed', operation: 'read', error: new Error('ERR unknown command, with swordfish') });
  await cache.invalidate(['products:swordfish']);
  expect(lines.length).toBeGreaterThan(4);
  expect(JSON.stringify(lines)).not.toMatch(/fish/);
  expect(JSON.stringify(lines)).toContain('event-log.test.ts');
});

describe('a failing function of the caller', () => {
  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new TypeError('no');
      },
    ],
    ['rejects', () => Promise.reject(new TypeError('no'))],
  ])('fails no request and is reported once if it is a listener that %s', async (_, listener) => {
    const { log, take } = newLog();
    const { fetch, cache } = await newWorld('memory', { log });
    cache.on(listener);
    expect(await fetch({ report: listener })).toBe('value');
    expect(await fetch({ report: listener })).toBe('value');
    await new Promise(setImmediate);
    expect(take()).toEqual([
      expect.stringMatching(/^warn: a function passed to the cache .* failed: TypeError at \S+event-log/),
    ]);
  });

  it('fails no request and is reported if it is knownTags', async () => {
    const { log, take } = newLog();
    const store = createMemoryStore({ namespace: 'shop' });
    for (const knownTags of [() => 'products' as never, () => [1] as never, () => JSON.parse('{') as never]) {
      const cache = createCache({ store, knownTags, log });
      const policy = createPolicy('Query.a', { ttl: '60s' });
      expect(await cache.fetch(cache.key({ field: 'Query.a' }), policy, () => 1, { mode: 'refresh' })).toBe(1);
      expect(take()).toEqual([expect.stringContaining('knownTags')]);
      await cache.close();
    }
  });

  it('fails no request if it is the log itself', async () => {
    const log: CacheLog = {
      warn() {
        throw new Error('disk full');
      },
    };
    const { fetch } = await newWorld('memory', { log });
    await expect(fetch(returnDecimal)).resolves.toBeDefined();
  });
});

describe('the log explains', () => {
  async function newRedis(): Promise<TestRedis> {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    return server;
  }
  /** Fetches through a cache at this address until its log matches `expected`; returns the lines. */
  async function linesAt(address: string, expected: RegExp): Promise<string[]> {
    const { log, take } = newLog();
    const store = await createRedisStore({ address, namespace: newNamespace(), deadlineMs: 20_000 });
    const cache = createCache({ store, log });
    const policy = createPolicy('Query.books', { ttl: '60s' });
    const lines: string[] = [];
    let id = 0;
    const fetchNext = async (): Promise<string> => {
      const key = cache.key({ field: 'Query.books', args: { id: (id += 1) } });
      expect(await cache.fetch(key, policy, () => 'value')).toBe('value');
      lines.push(...take());
      return lines.join('\n');
    };
    await fetchNext();
    await expect.poll(fetchNext, { interval: 25, timeout: 20_000 }).toMatch(expected);
    await cache.close();
    return lines;
  }

  it('that Redis refuses the password, without logging it', async () => {
    const server = await newRedis();
    const client = await redisClient(server.socketPath);
    await client.acl('SETUSER', 'shop', 'on', '>right', '~*', '&*', '+@all');
    const proxy = await newTcpProxy(server.socketPath);
    const lines = await linesAt(proxy.address.replace('redis://', 'redis://shop:swordfish@'), /password/);
    expect(lines).toEqual([expect.stringMatching(/^warn: Redis refuses the user name or the password.* Correct them/)]);
    expect(lines.join()).not.toContain('swordfish');
  });

  it('that Redis cannot be reached, and at which address', async () => {
    const [line = '', ...more] = await linesAt('redis://shop:swordfish@127.0.0.1:1', /reached/);
    expect(line).toMatch(/^warn: Redis cannot be reached \(ECONNREFUSED 127\.0\.0\.1:1\).* Check its address/);
    expect(more).toEqual([]);
  });

  it('that the server is not Redis', async () => {
    const server = createServer((socket) => void socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const lines = await linesAt(`redis://127.0.0.1:${port}`, /is not Redis/);
    expect(lines.filter((line) => !/is not Redis.* Check the port|cannot be reached/.test(line))).toEqual([]);
  });

  it.each<[string, (server: TestRedis) => Promise<unknown>, RegExp]>([
    [
      'because it is full',
      async ({ socketPath }) => (await redisClient(socketPath)).config('SET', 'maxmemory', '1'),
      /memory is full.* Raise maxmemory/,
    ],
    [
      'because it is a replica',
      async ({ socketPath }) => (await redisClient(socketPath)).replicaof('127.0.0.1', '1'),
      /read-only replica.* primary/,
    ],
    [
      'because of its access list',
      async ({ socketPath }) => (await redisClient(socketPath)).acl('SETUSER', 'default', '-set', '-evalsha', '-eval'),
      /forbids its user.*docs.options/,
    ],
  ])('that Redis refuses to store values %s', async (_, configure, expected) => {
    const server = await newRedis();
    await configure(server);
    const lines = await linesAt(server.socketPath, expected);
    expect(lines.filter((line) => expected.test(line))).toHaveLength(1);
  });
});

it.each([
  ['ERR max number of clients reached', /reached its limit of clients.* Raise maxclients/],
  ['DENIED Redis is running in protected mode because …', /protected mode.* Set a password/],
])('explains the reply %s', async (reply, expected) => {
  const { log, take } = newLog();
  const { cache } = await newWorld('memory', { log });
  cache.emit({ type: 'tracking-refused', error: new Error(reply) });
  expect(take()).toEqual([expect.stringMatching(expected)]);
});

it.each([
  'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
  'Command aborted due to connection close',
])('logs nothing more for a command that a broken connection has interrupted: %s', async (message) => {
  const { log, take } = newLog();
  const { cache } = await newWorld('memory', { log });
  cache.emit({ type: 'connection-failed', error: new Error('Socket timeout. Expecting data') });
  cache.emit({ type: 'store-failed', operation: 'read', error: new Error(message) });
  expect(take()).toEqual([expect.stringContaining('Redis cannot be reached')]);
});

it('logs that Redis has closed the connection, and nothing more for the commands that this interrupts', async () => {
  const { log, take } = newLog();
  const { cache } = await newWorld('memory', { log });
  const closed = 'Redis has closed the connection';
  cache.emit({ type: 'connection-failed', error: new CacheError('STORE_UNAVAILABLE', closed) });
  const error = new CacheError('STORE_UNAVAILABLE', `no connection to Redis: ${closed}`);
  cache.emit({ type: 'store-failed', operation: 'read', error });
  cache.emit({ type: 'connection-ready' });
  expect(take()).toEqual([expect.stringMatching(`^warn: ${closed}.* look at its log`), 'info: Redis is back']);
});

it('logs that a store that was unavailable is back', async () => {
  const { log, take } = newLog();
  const { cache } = await newWorld('memory', { log });
  const refused = Object.assign(new Error('no'), { code: 'ECONNREFUSED', address: '10.0.0.1', port: 6379 });
  cache.emit({ type: 'connection-ready' });
  cache.emit({ type: 'connection-failed', error: refused });
  cache.emit({ type: 'connection-failed', error: refused });
  cache.emit({ type: 'store-failed', operation: 'read', error: refused });
  cache.emit({ type: 'breaker-opened' });
  cache.emit({ type: 'breaker-closed' });
  cache.emit({ type: 'connection-ready' });
  cache.emit({ type: 'connection-ready' });
  expect(take()).toEqual([
    expect.stringContaining('warn: Redis cannot be reached (ECONNREFUSED 10.0.0.1:6379)'),
    expect.stringContaining('warn: the cache store fails too often'),
    'info: the cache store answers again',
    'info: Redis is back',
  ]);
});
