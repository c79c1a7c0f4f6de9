// What a load touches while it runs, such as the tables of its SQL, becomes tags of its value.
import { describe, expect, it } from 'vitest';
import {
  createMemoryStore,
  createPolicy,
  currentLoad,
  runForLoads,
  type Load,
  type Policy,
} from '../../../src/cache/index.ts';
import { newSickWorld, SickStore } from '../store/sick-store.ts';
import { newNamespace, newWorld, redisClient, tiers, times, type World } from '../world.ts';

const knownTags = ['categories', 'products', 'reviews'];

/** A load that touches `tags`, and then gives what the source gives. */
function touching({ source }: Pick<World, 'source'>, ...tags: string[]): () => Promise<unknown> {
  return () => {
    currentLoad()?.touch(tags);
    return source.load();
  };
}

describe.each(tiers)('on the %s store, a value', (tier) => {
  it('is void when what its load has touched is invalidated, and stands when something else is', async () => {
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

  it('is not taken where what its load has touched is invalidated while it runs', async () => {
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

  it('is answered and not stored where something touched was not captured, and stored from the next load on', async () => {
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

  it('is answered and not stored where nobody can say what was read, unless its policy does', async () => {
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

  it('of a row stands when another row is written, though its load reads the table', async () => {
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

  it('is void with what the load of an inner value has touched', async () => {
    const world = await newWorld(tier, { knownTags });
    const { fetch, cache, source } = world;
    const load = (): Promise<unknown> => fetch({ field: 'Query.inner', load: touching(world, 'products') });
    await fetch({ load });
    source.gives('new');
    await cache.invalidate(['products']);
    expect(await fetch({ load })).toBe('new');
  });

  it('is not stored where it reads what has changed since an inner value was made', async () => {
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
  ])('serves loads that touch other tables than before, of %s', async (_, later) => {
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

  it('whose tags a caller changes has them at the next fetch', async () => {
    const { cache, source, trace } = await newWorld('memory');
    const tags = ['a'];
    const changing: Policy = { ttlMs: 60_000, tags };
    const fetch = (): Promise<unknown> => cache.fetch(cache.key({ field: 'Query.field' }), changing, source.load);
    for (let again = 0; again < 4; again += 1) await fetch();
    expect(trace.take()).toBe('load write miss hit×3');
    tags.push('b');
    await fetch();
    expect(trace.take()).toBe('entry-rejected(invalidated) load write miss');
  });
});

describe('a batch that runs for several loads', () => {
  /** Loads that wait for each other and then read in one batch, begun in the scope of the first. */
  const batched = (count: number, read: () => Promise<unknown>): (() => Promise<unknown>) => {
    const loads: Load[] = [];
    let all = (): void => {};
    const batch = new Promise<void>((resolve) => (all = resolve)).then(() => runForLoads(loads, read));
    return async () => {
      const load = currentLoad();
      if (load !== undefined) loads.push(load);
      if (loads.length === count) all();
      return batch;
    };
  };

  it('touches for each of them', async () => {
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

  it('makes each of them unstorable by what cannot be named', async () => {
    const { fetch, trace } = await newWorld('redis', { knownTags });
    const load = batched(2, async () => currentLoad()?.touchUnknown('a stored function'));
    await Promise.all(times(2, (id) => fetch({ field: `Query.of${id}`, load })));
    expect(trace.count('write-refused')).toBe(2);
  });

  it('gives each of them the stamps of what it fetches', async () => {
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

  it('touches for nobody where it runs for none', async () => {
    const world = await newWorld('redis', { knownTags });
    const { fetch, trace } = world;
    const load = (): Promise<unknown> => runForLoads([], touching(world, 'unheard-of'));
    await fetch({ load });
    expect(trace.text).toBe('load write miss');
  });
});

it('refuses a batch that fetches what one of its loads is loading, for which that would wait for ever', async () => {
  const { fetch } = await newWorld();
  const load = (): Promise<unknown> => {
    const loads = [currentLoad()].filter((one) => one !== undefined);
    const batch = (): Promise<unknown> => runForLoads(loads, () => fetch({ field: 'Query.first' }));
    return fetch({ field: 'Query.second', load: batch });
  };
  await expect(fetch({ field: 'Query.first', load })).rejects.toMatchObject({ code: 'CIRCULAR_LOAD' });
});

it('captures no token of a table of which the policy names rows', async () => {
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

it('finds code outside of all loads in none', async () => {
  const { fetch } = await newWorld();
  let inside: unknown;
  await fetch({ load: () => (inside = currentLoad()) === undefined });
  expect(inside).toBeDefined();
  expect(currentLoad()).toBeUndefined();
});

it('reads value and tokens in one round trip, also where another process has loaded', async () => {
  const store = createMemoryStore({ namespace: newNamespace() });
  const one = await newWorld(store, { knownTags });
  const sick = new SickStore(store);
  const two = await newWorld(sick, { knownTags });
  await one.fetch({ load: touching(one, 'products') });
  await two.fetch();
  expect(sick.calls).toEqual(['read']);
});

it('learns from what it reads: the second read of a field takes one round trip, whatever is known', async () => {
  const store = createMemoryStore({ namespace: newNamespace() });
  const one = await newWorld(store, { knownTags });
  const sick = new SickStore(store);
  const two = await newWorld(sick);
  await one.fetch({ load: touching(one, 'products') });
  await two.fetch();
  expect(sick.calls.splice(0)).toEqual(['read', 'tokens']);
  await two.fetch();
  expect(sick.calls).toEqual(['read']);
});

it('captures of more than 64 known tags those alone that the field was seen to touch', async () => {
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

it('asks for 64 tags of a field at most, however many its loads touch', async () => {
  const world = await newSickWorld();
  for (const id of times(80, Number)) await world.fetch({ args: { id }, load: touching(world, `table${id}`) });
  const asked: number[] = [];
  const read = world.sick.read.bind(world.sick);
  world.sick.read = (key, tags) => (asked.push(tags.length), read(key, tags));
  await world.fetch({ args: { id: 'last' } });
  expect(asked).toEqual([65]);
});
