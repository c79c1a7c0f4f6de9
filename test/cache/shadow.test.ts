// Shadow checks: hits that are compared with what their loads return now.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import type { CacheLog, Codec } from '../../src/cache/index.ts';
import { noteSelectionRead, noteViewerRead } from '../../src/cache/scope/request-reads.ts';
import { currentLoad } from '../../src/cache/scope/load-scope.ts';
import { call, changed, differencesIn, graceMs, newOutdatedWorld, old, passGrace, resultsOf } from './shadow-world.ts';
import { newWorld, redisClient, settled, tiers, times, type FetchCall, type World } from './world.ts';

describe.each(tiers)('on the %s store', (tier) => {
  it('a value whose source has changed without an invalidation is reported, after two loads', async () => {
    const world = await newOutdatedWorld(tier);
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: old });
    await settled(world);
    expect(world.source.loads).toBe(2);
    await passGrace(world);
    expect(world.source.loads).toBe(3);
    expect(world.trace.text).toBe('hit');
    await passGrace(world);
    expect(world.source.loads).toBe(3);
    const { text } = world.cache.key({ field: 'Query.field' });
    expect(world.trace.events.slice(1)).toEqual([
      { type: 'shadow-check', key: text, field: 'Query.field', result: 'different' },
      {
        type: 'shadow-difference',
        key: text,
        field: 'Query.field',
        paths: ['price', 'stock.1'],
        ageMs: expect.any(Number),
      },
    ]);
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: old }); // nothing was stored
  });

  it('a value that its load still returns is equal, after one load', async () => {
    const world = await newWorld(tier);
    world.source.gives({ at: new Date(5), tags: new Set(['a']), id: 10n ** 20n, none: undefined });
    await world.fetch(call);
    await world.fetch(call);
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal']);
    expect(world.source.loads).toBe(2);
    expect(world.clock.pending).toBe(0);
  });
});

it('a token that was restored by hand makes an invalidated value valid, and is found', async () => {
  const world = await newWorld('redis', { memoryBytesMax: 1_000_000 });
  const { source, cache, namespace } = world;
  const client = await redisClient();
  source.gives(old);
  await world.fetch(call);
  const token = (await client.get(`${namespace}:tag:products`)) ?? '';
  source.gives(changed);
  await cache.invalidate(['products']);
  await client.set(`${namespace}:tag:products`, token);
  expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: old });
  await passGrace(world);
  await passGrace(world);
  expect(differencesIn(world)).toMatchObject([{ field: 'Query.field', paths: ['price', 'stock.1'] }]);
});

it('a value that was changed by hand in Redis is found', async () => {
  const world = await newWorld('redis');
  world.source.gives(old);
  await world.fetch(call);
  const client = await redisClient();
  const { text: key } = world.cache.key({ field: 'Query.field' });
  const text = (await client.get(key)) ?? '';
  await client.set(key, text.replace('"price":10', '"price":99'), 'KEEPTTL');
  expect(await world.fetch(call)).toMatchObject({ price: 99 });
  await passGrace(world);
  await passGrace(world);
  expect(differencesIn(world)).toMatchObject([{ paths: ['price'] }]);
});

it('paths and warnings contain nothing that a client sent, and no values', async () => {
  const lines: string[] = [];
  const log: CacheLog = { warn: (fields, message) => void lines.push(message + JSON.stringify(fields)) };
  const world = await newWorld('memory', { log });
  const sent = { ...call, args: { currency: 'secretEUR' } };
  world.source.gives({ secretEUR: 111, 'ann@mail.example': 222, price: 333 });
  await world.fetch(sent);
  world.source.gives({ secretEUR: 444, 'ann@mail.example': 555, price: 666 });
  await world.fetch(sent);
  await passGrace(world);
  await passGrace(world);
  expect(differencesIn(world)).toMatchObject([{ paths: ['*', 'price'] }]);
  expect(lines).toEqual([
    'Query.field: the cached value, 6 s old, differs from what its load returns at *, price, and nothing has invalidated it. ' +
      'Look for a change that does not invalidate its tags.{"field":"Query.field","paths":["*","price"]}',
  ]);
});

it('a difference that the second load does not confirm is none, as with a replica that was behind', async () => {
  const world = await newOutdatedWorld();
  await world.fetch(call);
  await settled(world);
  world.source.gives(old);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['equal']);
  expect(differencesIn(world)).toEqual([]);
});

it('what the request does with its value does not matter', async () => {
  const world = await newWorld('redis');
  world.source.gives(old);
  await world.fetch(call);
  const value = (await world.fetch(call)) as { price: number };
  value.price = 0;
  await settled(world);
  expect(resultsOf(world)).toEqual(['equal']);
});

describe('which hits are checked', () => {
  it('is drawn at each hit, from memory or the store', async () => {
    const draws = [0.2, 0.3, 0.31, 0.9];
    let drawn = 0;
    const random = (): number => draws[drawn++] ?? 1;
    const world = await newWorld('redis', { memoryBytesMax: 1_000_000, random });
    const share = { ...call, shadow: 0.3 };
    await world.fetch(share);
    const checked: number[] = [];
    for (const _ of draws) {
      await world.fetch(share);
      await settled(world);
      checked.push(resultsOf(world).length);
    }
    expect(checked).toEqual([1, 2, 2, 2]);
  });

  it.each<[string, FetchCall]>([
    ['0', { ...call, shadow: 0 }],
    ['nothing', { ttl: '1h', tags: ['products'] }],
  ])('with %s, none is, and nothing is drawn', async (_, given) => {
    let draws = 0;
    const world = await newWorld('redis', { memoryBytesMax: 1_000_000, random: () => (draws += 1) });
    await world.fetch(given);
    draws = 0;
    await Promise.all(times(5, () => world.fetch(given)));
    await settled(world);
    expect({ draws, loads: world.source.loads }).toEqual({ draws: 0, loads: 1 });
  });

  it.each<[string, FetchCall]>([
    ['a stale one', { ...call, ttl: '1s', stale: '1h', early: false }],
    ['a bypass', { ...call, mode: 'bypass' }],
    ['a refresh', { ...call, mode: 'refresh' }],
  ])('%s is not', async (_, given) => {
    const world = await newWorld();
    await world.fetch(given);
    world.clock.advance(1_500);
    await world.fetch(given);
    await settled(world);
    expect(resultsOf(world)).toEqual([]);
  });

  it('a key is checked once at a time', async () => {
    const world = await newOutdatedWorld();
    const held = world.source.hold();
    await Promise.all(times(10, () => world.fetch(call)));
    await held.begun;
    await world.fetch(call);
    held.give(changed);
    await settled(world); // it waits
    await world.fetch(call);
    await settled(world);
    expect(world.source.loads).toBe(2);
    expect(resultsOf(world)).toEqual([]);
  });
});

describe('a check is dropped', () => {
  const of = (n: number): FetchCall => ({ ...call, args: { n } });

  async function newFullWorld(count: number, options?: Parameters<typeof newWorld>[1]): Promise<World> {
    const world = await newWorld('memory', options);
    for (const n of times(count, Number)) await world.fetch(of(n));
    return world;
  }

  it('after ten seconds in which it was not its turn', async () => {
    const world = await newFullWorld(3);
    const held = world.source.hold();
    await world.fetch(of(0));
    await held.begun;
    world.clock.advance(1);
    for (const n of [1, 2]) await world.fetch(of(n));
    await settled(world);
    held.give('value');
    const next = world.source.hold();
    await next.begun;
    world.clock.advance(9_999);
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal']);
    world.clock.advance(1);
    await settled(world);
    expect(resultsOf(world).toSorted()).toEqual(['equal', 'failed', 'skipped']);
    next.give('value');
    await settled(world);
    expect(world.source.loads).toBe(5);
  });

  it('while a hundred others are in progress', async () => {
    const world = await newFullWorld(101);
    world.source.gives('new');
    for (const n of times(101, Number)) {
      await world.fetch(of(n));
      await settled(world);
    }
    expect(world.source.loads).toBe(201);
    expect(resultsOf(world)).toEqual(['skipped']);
  });
});

describe('the load of a check', () => {
  it('runs outside of its request, and nothing joins it', async () => {
    const requests = new AsyncLocalStorage<string>();
    const world = await newWorld();
    await world.fetch(call);
    const seen: unknown[] = [];
    const reload = (): unknown => (seen.push(requests.getStore()), world.source.load());
    await requests.run('request', () => world.fetch({ ...call, reload }));
    await settled(world);
    expect(seen).toEqual([undefined]);
    expect(resultsOf(world)).toEqual(['equal']);
  });

  it('that fails is a warning, and fails no request', async () => {
    const lines: string[] = [];
    const world = await newOutdatedWorld('memory', { log: { warn: (_fields, message) => void lines.push(message) } });
    world.source.fails(new Error('down'));
    expect(await world.outcome(call)).toMatchObject({ state: 'hit', value: old });
    await settled(world);
    expect(resultsOf(world)).toEqual(['failed']);
    expect(lines).toEqual([
      expect.stringMatching(/^Query\.field: could not be loaded for a comparison with the cached value: Error at /),
    ]);
  });

  it.each<[string, FetchCall, number]>([
    ['ten seconds', {}, 10_000],
    ['the time that its policy gives it', { timeout: '1s' }, 1_000],
  ])('is given up after %s', async (_, options, givenUpMs) => {
    const world = await newOutdatedWorld();
    const held = world.source.hold();
    await world.fetch({ ...call, ...options });
    await held.begun;
    world.clock.advance(givenUpMs - 1);
    await settled(world);
    expect(resultsOf(world)).toEqual([]);
    world.clock.advance(1);
    await settled(world);
    expect(world.trace.events.at(-1)).toMatchObject({ result: 'failed', error: { code: 'LOAD_TIMEOUT' } });
  });

  it.each<[string, () => unknown]>([
    ['has no stored form', () => () => 'a function'],
    ['reads the viewer', () => (noteViewerRead('user'), changed)],
    ['reads the selection', () => (noteSelection(), changed)],
    ['reads what is not committed', () => (currentLoad()?.readsUncommitted('a transaction'), changed)],
  ])('whose value %s is not compared', async (_, reload) => {
    const world = await newOutdatedWorld();
    await world.fetch({ ...call, reload });
    await passGrace(world);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['not-comparable']);
  });

  it('is not compared with a value that a codec decodes but fails to encode', async () => {
    class Stock {
      readonly isDecoded: boolean;
      constructor(isDecoded: boolean) {
        this.isDecoded = isDecoded;
      }
    }
    const stock: Codec<Stock, string> = {
      name: 'Stock',
      test: (value) => value instanceof Stock,
      encode: ({ isDecoded }) => {
        if (isDecoded) throw new Error('it cannot be encoded again');
        return 'stock';
      },
      decode: () => new Stock(true),
    };
    const world = await newWorld('memory', { codecs: [stock] });
    world.source.gives(new Stock(false));
    await world.fetch(call);
    await world.fetch(call);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['not-comparable']);
  });

  it('is compared also if it depends on something that the entry does not depend on', async () => {
    const world = await newOutdatedWorld();
    const reload = (): unknown => (currentLoad()?.touch(['prices']), changed);
    await world.fetch({ ...call, reload });
    await passGrace(world);
    await passGrace(world);
    expect(resultsOf(world)).toEqual(['different']);
  });

  it('explains a difference if an inner value depends on a newer token than the entry', async () => {
    const world = await newOutdatedWorld();
    const inner: FetchCall = { field: 'Query.inner', tags: ['products'], load: () => changed };
    const reload = async (): Promise<unknown> => {
      await world.cache.invalidate(['products']);
      return await world.fetch(inner);
    };
    await world.fetch({ ...call, reload });
    await settled(world);
    expect(resultsOf(world)).toEqual(['explained']);
  });
});

it('a check that waits ends without a result when the cache is closed', async () => {
  const world = await newOutdatedWorld();
  await world.fetch(call);
  await settled(world);
  expect(world.clock.nextInMs).toBe(graceMs);
  await world.cache.close();
  expect(world.clock.pending).toBe(0);
  expect(resultsOf(world)).toEqual([]);
});

it('closing the cache does not wait for the load of a check', async () => {
  const world = await newOutdatedWorld();
  const held = world.source.hold();
  await world.fetch(call);
  await held.begun;
  await world.cache.close();
  held.give(changed);
  expect(resultsOf(world)).toEqual([]);
});

function noteSelection(): void {
  const load = currentLoad();
  if (load !== undefined) noteSelectionRead(load, { what: 'info.fieldNodes', selection: undefined });
}
