// Tags that a load touches while it runs, such as the tables of its SQL, become tags of its value.
import { describe, expect, it } from 'vitest';
import {
  createMemoryStore,
  createPolicy,
  currentLoad,
  runForLoads,
  type Load,
  type Policy,
} from '../../../src/cache/index.ts';
import { newFaultyWorld, FaultyStore } from '../store/faulty-store.ts';
import { newNamespace, newWorld, redisClient, tiers, times, type World } from '../world.ts';

const knownTags = ['categories', 'products', 'reviews'];

/** A load that touches `tags`, and then returns what the source returns. */
function touching({ source }: Pick<World, 'source'>, ...tags: string[]): () => Promise<unknown> {
  return () => {
    currentLoad()?.touch(tags);
    return source.load();
  };
}

describe.each(tiers)('on the %s store, a value', (tier) => {
  it('is invalidated with a tag that its load has touched, and with no other tag', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, source } = world;
    const load = touching(world, 'products', 'reviews');
    await fetch({ load });
    source.gives('new');
    await cache.invalidate(['categories']);
    expect(await fetch({ load })).toBe('value');
    await cache.invalidate(['reviews']);
    expect(await fetch({ load })).toBe('new');
  });

  it('is not served if a tag that its load has touched is invalidated during the load', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, source } = world;
    const load = async (): Promise<unknown> => {
      const value = await touching(world, 'products')();
      await cache.invalidate(['products']);
      return value;
    };
    await fetch({ load });
    source.gives('new');
    expect(await fetch({ load })).toBe('new');
  });

  it('is returned but not stored if a touched tag was not captured, and is stored by the next load', async () => {
    const world = await newWorld(tier);
    const { fetch, trace, cache, source } = world;
    const load = touching(world, 'products');
    for (const word of ['load write-refused(not-captured) miss', 'load write miss', 'hit']) {
      expect(await fetch({ load })).toBe('value');
      expect(trace.take()).toBe(word);
    }
    source.gives('new');
    await cache.invalidate(['products']);
    expect(await fetch({ load })).toBe('new');
  });

  it('is returned but not stored if its sources are unknown, unless its policy names tags', async () => {
    const { fetch, trace } = await newWorld(tier, { knownTags });
    const load = (): string => {
      currentLoad()?.touchUnknown('a stored function');
      return 'value';
    };
    expect(await fetch({ load })).toBe('value');
    expect(trace.take()).toBe('load write-refused(unknown-source) miss');
    await fetch({ load, tags: ['products'] });
    expect(trace.take()).toBe('load write miss');
  });

  it('of a row stays valid if another row is invalidated, although its load touches the table', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, source } = world;
    const row = { load: touching(world, 'products'), tags: ['products:42'] };
    await fetch(row);
    source.gives('new');
    await cache.invalidate(['products:7']);
    expect(await fetch(row)).toBe('value');
    await cache.invalidate(['products:42']);
    expect(await fetch(row)).toBe('new');
    source.gives('newest');
    await cache.invalidate(['products']);
    expect(await fetch(row)).toBe('newest');
  });

  it('is invalidated with a tag that the load of an inner value has touched', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, source } = world;
    const load = (): Promise<unknown> => fetch({ field: 'Query.inner', load: touching(world, 'products') });
    await fetch({ load });
    source.gives('new');
    await cache.invalidate(['products']);
    expect(await fetch({ load })).toBe('new');
  });

  it('is not stored if an inner value has a newer token of a tag that it touches itself', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, trace } = world;
    const load = async (): Promise<unknown> => {
      await cache.invalidate(['products']);
      await fetch({ field: 'Query.inner', load: touching(world, 'products') });
      return touching(world, 'products')();
    };
    await fetch({ load });
    expect(trace.text).toContain('write-refused(token-lost)');
  });
});

describe('one policy', () => {
  const policy = createPolicy('it', { ttl: '60s', tags: ['named'] });

  it.each([
    ['the same field', 'Query.field'],
    ['another field', 'Query.other'],
  ])('allows loads of %s that touch other tables than before', async (_, later) => {
    const world = await newWorld('memory');
    const { cache, trace } = world;
    const fetch = (field: string, ...tags: string[]): Promise<unknown> =>
      cache.fetch(cache.key({ field }), policy, touching(world, ...tags));
    await fetch('Query.field', 'a');
    await fetch('Query.field', 'a');
    expect(trace.take()).toBe('load write-refused(not-captured) miss load write miss');
    await cache.invalidate(['a']);
    await fetch(later, 'b');
    await fetch(later, 'b');
    expect(trace.take().replaceAll('entry-rejected(invalidated) ', '')).toBe(
      'invalidate load write-refused(not-captured) miss load write miss',
    );
  });

  it('uses the tags that a caller adds to it from the next fetch on', async () => {
    const { cache, source, trace } = await newWorld('memory');
    const tags = ['a'];
    const changing: Policy = { ttlMs: 60_000, tags };
    const fetch = (): Promise<unknown> => cache.fetch(cache.key({ field: 'Query.field' }), changing, source.load);
    for (let count = 0; count < 4; count += 1) await fetch();
    expect(trace.take()).toBe('load write miss hit×3');
    tags.push('b');
    await fetch();
    expect(trace.take()).toBe('entry-rejected(invalidated) load write miss');
  });
});

describe('a batch that runs for several loads', () => {
  /** A load that is run `count` times at once: the runs wait for each other, and then share one batch. */
  const batched = (count: number, read: () => Promise<unknown>): (() => Promise<unknown>) => {
    const loads: Load[] = [];
    let start = (): void => {};
    const batch = new Promise<void>((resolve) => (start = resolve)).then(() => runForLoads(loads, read));
    return async () => {
      const load = currentLoad();
      if (load !== undefined) loads.push(load);
      if (loads.length === count) start();
      return batch;
    };
  };

  it('touches its tags for each of them', async () => {
    const world = await newWorld('redis', { knownTags });
    const { fetch, cache, source } = world;
    const load = batched(3, touching(world, 'products'));
    const fetchAll = (): Promise<unknown[]> =>
      Promise.all(times(3, (id) => fetch({ field: `Query.of${id}`, load: source.loads === 0 ? load : source.load })));
    await fetchAll();
    expect(source.loads).toBe(1);
    source.gives('new');
    await cache.invalidate(['products']);
    expect(await fetchAll()).toEqual(['new', 'new', 'new']);
  });

  it('prevents the storage of each of them if it touches an unknown source', async () => {
    const { fetch, trace } = await newWorld('redis', { knownTags });
    const load = batched(2, async () => currentLoad()?.touchUnknown('a stored function'));
    await Promise.all(times(2, (id) => fetch({ field: `Query.of${id}`, load })));
    expect(trace.count('write-refused')).toBe(2);
  });

  it('gives each of them the stamps of the entry that it fetches', async () => {
    const world = await newWorld('redis', { knownTags });
    const { fetch, cache, source } = world;
    const inner = { field: 'Query.inner', tags: ['inner'] };
    const load = batched(2, () => fetch(inner));
    await Promise.all(times(2, (id) => fetch({ field: `Query.of${id}`, load })));
    source.gives('new');
    await cache.invalidate(inner.tags);
    const values = await Promise.all(times(2, (id) => fetch({ field: `Query.of${id}` })));
    expect(values).toEqual(['new', 'new']);
  });

  it('touches nothing if it runs for no load', async () => {
    const world = await newWorld('redis', { knownTags });
    const { fetch, trace } = world;
    const load = (): Promise<unknown> => runForLoads([], touching(world, 'unheard-of'));
    await fetch({ load });
    expect(trace.text).toBe('load write miss');
  });
});

it('rejects a batch that fetches the key of a load that it runs for, which would never end', async () => {
  const { fetch } = await newWorld();
  const load = (): Promise<unknown> => {
    const loads = [currentLoad()].filter((one) => one !== undefined);
    const batch = (): Promise<unknown> => runForLoads(loads, () => fetch({ field: 'Query.first' }));
    return fetch({ field: 'Query.second', load: batch });
  };
  await expect(fetch({ field: 'Query.first', load })).rejects.toMatchObject({ code: 'CIRCULAR_LOAD' });
});

it('captures no token of a table if the policy names rows of it', async () => {
  const world = await newWorld('redis', { knownTags });
  const client = await redisClient();
  await world.fetch({ load: touching(world, 'products'), tags: ['products:42'] });
  const tokens = await client.keys(`${world.namespace}:tag:*`);
  expect(tokens.map((key) => key.slice(`${world.namespace}:tag:`.length)).toSorted()).toEqual([
    '!db',
    '*',
    'categories',
    'products:!',
    'products:42',
    'reviews',
  ]);
});

it('has a current load inside a load, and none outside', async () => {
  const { fetch } = await newWorld();
  let inside: unknown;
  await fetch({ load: () => (inside = currentLoad()) === undefined });
  expect(inside).toBeDefined();
  expect(currentLoad()).toBeUndefined();
});

it('reads a value of another process and its tokens in one round trip', async () => {
  const store = createMemoryStore({ namespace: newNamespace() });
  const one = await newWorld(store, { knownTags });
  const faultyStore = new FaultyStore(store);
  const two = await newWorld(faultyStore, { knownTags });
  await one.fetch({ load: touching(one, 'products') });
  await two.fetch();
  expect(faultyStore.calls).toEqual(['read']);
});

it('learns the tags of a field from the first read, so that the second takes one round trip', async () => {
  const store = createMemoryStore({ namespace: newNamespace() });
  const one = await newWorld(store, { knownTags });
  const faultyStore = new FaultyStore(store);
  const two = await newWorld(faultyStore);
  await one.fetch({ load: touching(one, 'products') });
  await two.fetch();
  expect(faultyStore.calls.splice(0)).toEqual(['read', 'tokens']);
  await two.fetch();
  expect(faultyStore.calls).toEqual(['read']);
});

it('captures only the tags that the field has touched if more than 64 tags are known', async () => {
  const namespace = newNamespace();
  const many = times(65, (id) => `table${id}`);
  const world = await newWorld('redis', { namespace, knownTags: many });
  const client = await redisClient();
  const load = touching(world, 'table3', 'table7');
  for (const _ of times(2, Number)) await world.fetch({ load });
  expect(world.trace.text).toBe('load write-refused(not-captured) miss load write miss');
  const tokens = await client.keys(`${namespace}:tag:*`);
  expect(tokens.toSorted()).toEqual(['!db', '*', 'table3', 'table7'].map((tag) => `${namespace}:tag:${tag}`));
});

it('reads the tokens of at most 64 touched tags of a field, besides that of `*`', async () => {
  const world = await newFaultyWorld();
  for (const id of times(80, Number)) await world.fetch({ args: { id }, load: touching(world, `table${id}`) });
  const tagCounts: number[] = [];
  const read = world.faulty.read.bind(world.faulty);
  world.faulty.read = (key, tags) => (tagCounts.push(tags.length), read(key, tags));
  await world.fetch({ args: { id: 'last' } });
  expect(tagCounts).toEqual([65]);
});
