// Who may receive a value: a value that was loaded for one viewer is returned to no other, from the store or by joining a load.
import { describe, expect, it } from 'vitest';
import { currentLoad, noteViewerRead, runForLoads, type Load } from '../../../src/cache/index.ts';
import { holding, isWaiting, newProcesses, pollUntil, tags } from '../processes.ts';
import { newWorld, redisClient, tiers, times, withResolvers, type FetchCall, type World } from '../world.ts';

const inner = { field: 'Query.inner' };
const outer = { field: 'Query.outer' };
const refused = 'write-refused(viewer-dependent)';

/** A load of a public value that reads the viewer, as a careless resolver does. */
function careless(viewer: string): () => string {
  return () => {
    noteViewerRead();
    return `of ${viewer}`;
  };
}

/** Starts `first`, and lets `second` join its load while that is held. */
async function joinLoad(
  { fetch, source }: World,
  first: FetchCall & { load: () => unknown },
  second: FetchCall,
): Promise<PromiseSettledResult<unknown>[]> {
  const held = source.hold();
  const starting = fetch({ ...first, load: () => source.load().then(first.load) });
  await held.begun;
  const joining = fetch(second);
  held.give(undefined);
  return Promise.allSettled([starting, joining]);
}

describe.each(tiers)('on the %s store, a private value', (tier) => {
  it('is stored for each viewer, and returned to no other', async () => {
    const { fetch, source } = await newWorld(tier);
    const viewers = ['alice', '', '0', '1', 0, 1, 0n, 1n];
    for (const viewer of viewers) {
      source.gives(`of ${typeof viewer} ${viewer}`);
      await fetch({ viewer });
    }
    for (const viewer of viewers) expect(await fetch({ viewer })).toBe(`of ${typeof viewer} ${viewer}`);
    expect(source.loads).toBe(viewers.length);
  });

  it('is loaded once for each viewer if requests of two viewers miss concurrently', async () => {
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

  it('is stored even if its load reads the viewer', async () => {
    const { fetch, trace } = await newWorld(tier);
    await fetch({ viewer: 'alice', load: careless('alice') });
    expect(await fetch({ viewer: 'alice' })).toBe('of alice');
    expect(trace.text).toBe('load write miss hit');
  });

  it('has one entry for each variation, as a public value has', async () => {
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

  it('keeps a public value that depends on it from being stored, whether it was loaded, a hit or shared', async () => {
    const world = await newWorld(tier);
    const { fetch, trace } = world;
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' });
    await fetch({ ...outer, load });
    expect(trace.take()).toBe(`load write miss load ${refused} miss`);
    await fetch({ ...outer, load });
    expect(trace.take()).toBe(`hit load ${refused} miss`);
    await joinLoad(
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

  it('keeps public values that depend on it indirectly from being stored', async () => {
    const { fetch, trace } = await newWorld(tier);
    const middle = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' });
    await fetch({ ...outer, load: () => fetch({ field: 'Query.middle', load: middle }) });
    expect(trace.text).toBe(`load write miss load ${refused} miss load ${refused} miss`);
  });

  it.each(['bypass', 'refresh'] as const)('is not part of a stored public value in the mode %s', async (mode) => {
    const { fetch, trace } = await newWorld(tier);
    await fetch({ ...outer, load: () => fetch({ ...inner, viewer: 'alice', mode }) });
    expect(trace.text).toContain(refused);
  });

  it('keeps a public value from being stored whose load handles its error', async () => {
    const { fetch, trace, source } = await newWorld(tier);
    source.fails(new Error('alice may not'));
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice' }).catch(() => 'nothing to see');
    await fetch({ ...outer, load });
    expect(trace.text).toBe(`load-failed load ${refused} miss`);
  });

  it('may be part of a stored value of the same viewer, but not of one of another viewer', async () => {
    const { fetch, trace } = await newWorld(tier);
    const load = (): Promise<unknown> => fetch({ ...inner, viewer: 'alice', load: careless('alice') });
    await fetch({ ...outer, viewer: 'alice', load });
    expect(trace.take()).toBe('load write miss load write miss');
    await fetch({ ...outer, viewer: 'bob', load });
    expect(trace.take()).toBe(`hit load ${refused} miss`);
    await fetch({ ...outer, viewer: 'bob', load: () => 'of bob' });
    expect(await fetch({ ...outer, viewer: 'bob' })).toBe('of bob');
  });

  it('that varies may be part of a stored value with the same vary, but of no other', async () => {
    const { fetch, trace } = await newWorld(tier);
    const load = (): Promise<unknown> => fetch({ ...inner, vary: 'de', load: () => 1 });
    await fetch({ ...outer, vary: 'de', load });
    expect(trace.take()).toBe('load write miss load write miss');
    for (const parts of [{ vary: 'en' }, {}, { viewer: 'alice' }]) {
      await fetch({ ...outer, ...parts, load });
      expect(trace.take()).toBe(`hit load ${refused} miss`);
    }
  });
});

describe.each(tiers)('on the %s store, a viewer-dependent value', (tier) => {
  it('is returned and not stored, and an event reports that', async () => {
    const { outcome, trace } = await newWorld(tier);
    expect(await outcome({ load: careless('alice') })).toMatchObject({ value: 'of alice', state: 'miss', ageMs: null });
    expect(await outcome({ load: careless('bob') })).toMatchObject({ value: 'of bob', state: 'miss', ageMs: null });
    expect(trace.text).toBe(`load ${refused} miss load ${refused} miss`);
  });

  it('is not returned to requests that joined its load, and neither is its error', async () => {
    const world = await newWorld(tier);
    const [alice, bob] = await joinLoad(world, { load: careless('alice') }, { load: careless('bob') });
    expect([alice, bob]).toMatchObject([{ value: 'of alice' }, { value: 'of bob' }]);
    const denied = (): never => {
      noteViewerRead();
      throw new Error('not for carol');
    };
    const [carol, dave] = await joinLoad(world, { load: denied }, { load: careless('dave') });
    expect([carol, dave]).toMatchObject([{ reason: { message: 'not for carol' } }, { value: 'of dave' }]);
    expect(world.trace.count('write')).toBe(0);
  });

  it('is not returned to requests that joined the load of a value that depends on it', async () => {
    const world = await newWorld(tier);
    const outerRequest = (viewer: string): FetchCall & { load: () => unknown } => ({
      ...outer,
      load: () => world.fetch({ ...inner, load: careless(viewer) }),
    });
    const [alice, bob] = await joinLoad(world, outerRequest('alice'), outerRequest('bob'));
    expect([alice, bob]).toMatchObject([{ value: 'of alice' }, { value: 'of bob' }]);
  });

  it('is returned to no other of many concurrent requests', async () => {
    const { fetch, trace } = await newWorld(tier);
    const viewers = times(50, (index) => `viewer ${index}`);
    const values = await Promise.all(viewers.map((viewer) => fetch({ load: careless(viewer) })));
    expect(values).toEqual(viewers.map((viewer) => `of ${viewer}`));
    expect(trace.count('write')).toBe(0);
  });

  it('does not keep the values of concurrent loads from being stored', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const held = source.hold();
    const concurrent = fetch(inner);
    await held.begun;
    await fetch({ ...outer, load: careless('alice') });
    noteViewerRead();
    held.give('value');
    await concurrent;
    expect(trace.text).toBe(`load ${refused} miss load write miss`);
  });

  it('is not stored even if the viewer is read late, in work that the load awaits', async () => {
    const { fetch, trace } = await newWorld(tier);
    const { promise, resolve } = withResolvers<void>();
    const fetching = fetch({ load: () => promise.then(careless('alice')) });
    resolve();
    await fetching;
    expect(trace.text).toBe(`load ${refused} miss`);
  });
});

it('a viewer-dependent value is not returned to a request that waits for it in another process', async () => {
  const { one, two } = await newProcesses();
  const { held, first } = await holding(one, { load: () => one.source.load().then(careless('alice')) });
  const second = two.fetch({ tags, load: careless('bob') });
  await isWaiting(two);
  held.give(undefined);
  expect(await first).toBe('of alice');
  await pollUntil(second, two);
  expect(await second).toBe('of bob');
});

it('a batch that reads the viewer counts for every load that it runs for', async () => {
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

it('neither the viewer nor what a value varies by appears in Redis', async () => {
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
