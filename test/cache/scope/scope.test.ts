// For whom a value is: what was loaded for one who asks is given to nobody else, from the store or from a flight.
import { describe, expect, it } from 'vitest';
import { currentLoad, noteViewerRead, runForLoads, type Load } from '../../../src/cache/index.ts';
import { holding, isWaiting, newProcesses, pollUntil, tags } from '../processes.ts';
import { newWorld, redisClient, tiers, times, withResolvers, type Fetching, type World } from '../world.ts';

const inner = { field: 'Query.inner' };
const outer = { field: 'Query.outer' };
const refused = 'write-refused(viewer-dependent)';

/** A load of a public value that looks at who asks, as a careless resolver does. */
function careless(viewer: string): () => string {
  return () => {
    noteViewerRead();
    return `of ${viewer}`;
  };
}

/** Starts `first`, and has `second` board its flight while its load is held. */
async function onOneFlight(
  { fetch, source }: World,
  first: Fetching & { load: () => unknown },
  second: Fetching,
): Promise<PromiseSettledResult<unknown>[]> {
  const held = source.hold();
  const starting = fetch({ ...first, load: () => source.load().then(first.load) });
  await held.begun;
  const boarding = fetch(second);
  held.give(undefined);
  return Promise.allSettled([starting, boarding]);
}

describe.each(tiers)('on the %s store, a private value', (tier) => {
  it('is stored for each viewer, and given to no other', async () => {
    const { fetch, source } = await newWorld(tier);
    const viewers = ['alice', '', '0', '1', 0, 1, 0n, 1n];
    for (const viewer of viewers) {
      source.gives(`of ${typeof viewer} ${viewer}`);
      await fetch({ viewer });
    }
    for (const viewer of viewers) expect(await fetch({ viewer })).toBe(`of ${typeof viewer} ${viewer}`);
    expect(source.loads).toBe(viewers.length);
  });

  it('is one load for each of two viewers who miss at once, and one for both requests of one', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const held = [source.hold(), source.hold()];
    const fetching = ['alice', 'bob', 'alice', 'bob'].map((viewer) => fetch({ viewer }));
    await Promise.all(held.map(({ begun }) => begun));
    for (const [index, { give }] of held.entries()) give(`load ${index}`);
    const [alice, bob, ...again] = await Promise.all(fetching);
    expect(new Set([alice, bob])).toEqual(new Set(['load 0', 'load 1']));
    expect(again).toEqual([alice, bob]);
    expect([source.loads, trace.count('shared')]).toEqual([2, 2]);
  });

  it('is stored also where its load looks at who asks', async () => {
    const { fetch, trace } = await newWorld(tier);
    await fetch({ viewer: 'alice', load: careless('alice') });
    expect(await fetch({ viewer: 'alice' })).toBe('of alice');
    expect(trace.text).toBe('load write miss hit');
  });

  it('is another in each variation', async () => {
    const { fetch, source } = await newWorld(tier);
    const varies = [undefined, null, '', 'de', ['de'], { locale: 'de' }, { locale: 'en' }, { locale: 'de', tenant: 1 }];
    for (const [index, vary] of varies.entries()) {
      source.gives(index);
      await fetch({ viewer: 'alice', vary });
      await fetch({ vary });
    }
    expect(await Promise.all(varies.map((vary) => fetch({ vary })))).toEqual(times(varies.length, (index) => index));
    expect(await fetch({ vary: { tenant: 1, locale: 'de' } })).toBe(varies.length - 1);
    expect(source.loads).toBe(2 * varies.length);
  });

  it('makes what is made of it unstorable for everyone, be it loaded, a hit or another request’s', async () => {
    const world = await newWorld(tier);
    const { fetch, trace } = world;
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' });
    await fetch({ ...outer, load });
    expect(trace.take()).toBe(`load write miss load ${refused} miss`);
    await fetch({ ...outer, load });
    expect(trace.take()).toBe(`hit load ${refused} miss`);
    await onOneFlight(
      world,
      { ...inner, viewer: 'bob', load: () => 1 },
      {
        ...outer,
        load: () => fetch({ ...inner, viewer: 'bob' }),
      },
    );
    expect(trace.text).toContain(refused);
    expect(trace.count('write')).toBe(1);
  });

  it('makes unstorable what is made of what is made of it', async () => {
    const { fetch, trace } = await newWorld(tier);
    const middle = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' });
    await fetch({ ...outer, load: () => fetch({ field: 'Query.middle', load: middle }) });
    expect(trace.text).toBe(`load write miss load ${refused} miss load ${refused} miss`);
  });

  it.each(['bypass', 'refresh'] as const)('does so in the mode %s', async (mode) => {
    const { fetch, trace } = await newWorld(tier);
    await fetch({ ...outer, load: () => fetch({ ...inner, viewer: 'alice', mode }) });
    expect(trace.text).toContain(refused);
  });

  it('does so also where it cannot be loaded, and the outer load makes something of the error', async () => {
    const { fetch, trace, source } = await newWorld(tier);
    source.fails(new Error('alice may not'));
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' }).catch(() => 'nothing to see');
    await fetch({ ...outer, load });
    expect(trace.text).toBe(`load-failed load ${refused} miss`);
  });

  it('may be in another of the same viewer, and in none of another viewer', async () => {
    const { fetch, trace } = await newWorld(tier);
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice', load: careless('alice') });
    await fetch({ ...outer, viewer: 'alice', load });
    expect(trace.take()).toBe('load write miss load write miss');
    await fetch({ ...outer, viewer: 'bob', load });
    expect(trace.take()).toBe(`hit load ${refused} miss`);
    await fetch({ ...outer, viewer: 'bob', load: () => 'of bob' });
    expect(await fetch({ ...outer, viewer: 'bob' })).toBe('of bob');
  });

  it('may be in another where what it varies by is in that one’s key too, and else not', async () => {
    const { fetch, trace } = await newWorld(tier);
    const load = (): Promise<unknown> => fetch({ ...inner, vary: 'de', load: () => 1 });
    await fetch({ ...outer, vary: 'de', load });
    expect(trace.take()).toBe('load write miss load write miss');
    for (const who of [{ vary: 'en' }, {}, { viewer: 'alice' }]) {
      await fetch({ ...outer, ...who, load });
      expect(trace.take()).toBe(`hit load ${refused} miss`);
    }
  });
});

describe.each(tiers)('on the %s store, a public value whose load looks at who asks', (tier) => {
  it('is answered, not stored, and said', async () => {
    const { outcome, trace } = await newWorld(tier);
    expect(await outcome({ load: careless('alice') })).toMatchObject({ value: 'of alice', state: 'miss', ageMs: null });
    expect(await outcome({ load: careless('bob') })).toMatchObject({ value: 'of bob', state: 'miss', ageMs: null });
    expect(trace.text).toBe(`load ${refused} miss load ${refused} miss`);
  });

  it('is for nobody who has boarded its flight, nor is its error', async () => {
    const world = await newWorld(tier);
    const [alice, bob] = await onOneFlight(world, { load: careless('alice') }, { load: careless('bob') });
    expect([alice, bob]).toMatchObject([{ value: 'of alice' }, { value: 'of bob' }]);
    const denied = (): never => {
      noteViewerRead();
      throw new Error('not for carol');
    };
    const [carol, dave] = await onOneFlight(world, { load: denied }, { load: careless('dave') });
    expect([carol, dave]).toMatchObject([{ reason: { message: 'not for carol' } }, { value: 'of dave' }]);
    expect(world.trace.count('write')).toBe(0);
  });

  it('is for nobody who has boarded the flight of what is made of it', async () => {
    const world = await newWorld(tier);
    const made = (viewer: string): Fetching & { load: () => unknown } => ({
      ...outer,
      load: () => world.fetch({ ...inner, load: careless(viewer) }),
    });
    const [alice, bob] = await onOneFlight(world, made('alice'), made('bob'));
    expect([alice, bob]).toMatchObject([{ value: 'of alice' }, { value: 'of bob' }]);
  });

  it('is for none of many who ask at once', async () => {
    const { fetch, trace } = await newWorld(tier);
    const viewers = times(50, (index) => `viewer ${index}`);
    const values = await Promise.all(viewers.map((viewer) => fetch({ load: careless(viewer) })));
    expect(values).toEqual(viewers.map((viewer) => `of ${viewer}`));
    expect(trace.count('write')).toBe(0);
  });

  it('is one of its own: the loads beside it are stored', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const held = source.hold();
    const beside = fetch(inner);
    await held.begun;
    await fetch({ ...outer, load: careless('alice') });
    noteViewerRead();
    held.give('value');
    await beside;
    expect(trace.text).toBe(`load ${refused} miss load write miss`);
  });

  it('is not stored either where work that it awaits looks, however late', async () => {
    const { fetch, trace } = await newWorld(tier);
    const { promise, resolve } = withResolvers<void>();
    const fetching = fetch({ load: () => promise.then(careless('alice')) });
    resolve();
    await fetching;
    expect(trace.text).toBe(`load ${refused} miss`);
  });
});

it('is given to nobody who waits for it in another process, where its load looks at who asks', async () => {
  const { one, two } = await newProcesses();
  const { held, first } = await holding(one, { load: () => one.source.load().then(careless('alice')) });
  const second = two.fetch({ tags, load: careless('bob') });
  await isWaiting(two);
  held.give(undefined);
  expect(await first).toBe('of alice');
  await pollUntil(second, two);
  expect(await second).toBe('of bob');
});

it('counts for every load that a batch is run for, when the batch looks at who asks', async () => {
  const { fetch, trace } = await newWorld();
  const loads: Load[] = [];
  const { promise: areBoth, resolve } = withResolvers<void>();
  const batch = areBoth.then(() => runForLoads(loads, async () => careless('alice')()));
  const load = (): Promise<string> => {
    const current = currentLoad();
    if (current !== undefined && loads.push(current) === 2) resolve();
    return batch;
  };
  await Promise.all([fetch({ ...outer, load }), fetch({ ...inner, load })]);
  expect(trace.count('write')).toBe(0);
  expect(trace.text).toContain(`${refused}×2`);
});

it('tells the viewer, and what the value varies by, nowhere in Redis', async () => {
  const { fetch, namespace } = await newWorld('redis');
  const client = await redisClient();
  await fetch({ viewer: 'alice@example.com', vary: { tenant: 'acme' }, args: { q: 'rose' } });
  const { key, text } = await storedIn(client, namespace);
  expect(text).toContain('"args":{"q":"rose"}');
  expect(`${key} ${text}`).not.toMatch(/alice|acme|viewer|vary/);
});

async function storedIn(
  client: Awaited<ReturnType<typeof redisClient>>,
  namespace: string,
): Promise<{ key: string; text: string }> {
  const [key = ''] = await client.keys(`${namespace}:Query:*`);
  return { key, text: (await client.get(key)) ?? '' };
}
