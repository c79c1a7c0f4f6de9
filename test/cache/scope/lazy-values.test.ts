// Loads that return thenables whose work starts when their `then` is called: that work is part of the load.
import { describe, expect, it } from 'vitest';
import { currentLoad, noteViewerRead, runForLoads } from '../../../src/cache/index.ts';
import { lazy, lazyKinds } from '../../support/lazy.ts';
import { newWorld, tiers, tick, type World } from '../world.ts';

/** A table whose reads take a while. */
class Table {
  reads = 0;
  row = 'old';

  readonly read = async (): Promise<string> => {
    this.reads += 1;
    await tick();
    currentLoad()?.touch(['rows']);
    return this.row;
  };
}

const knownTags = ['rows'];

/** The results of two fetches before the table changes, and of one after that. */
async function beforeAndAfter({ cache }: World, table: Table, fetchValue: () => Promise<unknown>): Promise<unknown[]> {
  const before = [await fetchValue(), await fetchValue()];
  table.row = 'new';
  await cache.invalidate(['rows']);
  return [...before, await fetchValue()];
}

describe.each(Object.entries(lazyKinds))('a load that returns %s', (_kind, lazyOf) => {
  it.each(tiers)('runs it once, and depends on the tags that it touches, on the %s store', async (tier) => {
    const world = await newWorld(tier, { knownTags });
    const table = new Table();
    const fetchValue = (): Promise<unknown> => world.fetch({ load: () => lazyOf(table.read) });
    expect(await beforeAndAfter(world, table, fetchValue)).toEqual(['old', 'old', 'new']);
    expect(table.reads).toBe(2);
    expect(world.trace.text).toBe('load write miss hit invalidate entry-rejected(invalidated) load write miss');
  });

  it('runs each one in nested lists once, and depends on the tags that they touch', async () => {
    const world = await newWorld('memory', { knownTags });
    const table = new Table();
    const load = (): unknown => ['eager', lazyOf(table.read), [lazyOf(table.read), lazyOf(() => [lazyOf(table.read)])]];
    const list = (row: string): unknown => ['eager', row, [row, [row]]];
    expect(await beforeAndAfter(world, table, () => world.fetch({ load }))).toEqual(['old', 'old', 'new'].map(list));
    expect(table.reads).toBe(6);
  });

  it('is not stored if it reads the viewer', async () => {
    const { fetch, trace } = await newWorld();
    const load = (): unknown =>
      lazyOf(async () => {
        await tick();
        noteViewerRead();
        return 'of alice';
      });
    await fetch({ load });
    await fetch({ load: () => [load()] });
    expect(trace.text).toBe('load write-refused(viewer-dependent) miss load write-refused(viewer-dependent) miss');
  });

  it('keeps the outer value from being stored if it reads the viewer in an inner fetch, whatever the mode', async () => {
    for (const mode of ['use', 'refresh', 'bypass'] as const) {
      const { fetch, trace } = await newWorld();
      const load = (): unknown => lazyOf(noteViewerRead);
      await fetch({ field: 'Query.outer', load: () => fetch({ field: 'Query.inner', mode, load }) });
      await fetch({ field: 'Query.list', load: () => fetch({ field: 'Query.items', mode, load: () => [load()] }) });
      const refusals = trace.events.filter((event) => event.type === 'write-refused');
      expect(new Set(refusals.map(({ reason }) => reason))).toEqual(new Set(['viewer-dependent']));
      expect(refusals.map(({ field }) => field)).toEqual(expect.arrayContaining(['Query.outer', 'Query.list']));
    }
  });

  it('counts for the loads that it is run for, and not for a load around it', async () => {
    const world = await newWorld('memory', { knownTags: ['rows', 'other'] });
    const table = new Table();
    const load = async (): Promise<unknown> => {
      const loads = [currentLoad()].flatMap((one) => one ?? []);
      await runForLoads([], () => lazyOf(noteViewerRead));
      return runForLoads(loads, () => lazyOf(table.read));
    };
    expect(await beforeAndAfter(world, table, () => world.fetch({ load }))).toEqual(['old', 'old', 'new']);
    expect(world.trace.count('write')).toBe(2);
  });
});

it('a load whose thenable rejects fails with the same error, and is not stored', async () => {
  const { fetch, trace } = await newWorld();
  const load = (): unknown => lazy(() => Promise.reject(new Error('it broke')));
  await expect(fetch({ load })).rejects.toThrow('it broke');
  expect(trace.text).toBe('load-failed');
});

it('an item that rejects does not affect the other items, and the list is not stored', async () => {
  const { fetch, trace } = await newWorld();
  const load = (): unknown => [lazy(() => 1), lazy(() => Promise.reject(new Error('it broke'))), lazy(() => 3)];
  const [one, two, three] = (await fetch({ load })) as unknown[];
  expect([one, three]).toEqual([1, 3]);
  await expect(two).rejects.toThrow('it broke');
  expect(trace.text).toBe('load write-refused(unencodable) miss');
});

it('a list without thenables is returned unchanged, and a list that contains itself ends', async () => {
  const { fetch } = await newWorld();
  const plain = [1, [2]];
  expect(await fetch({ field: 'Query.plain', load: () => plain })).toBe(plain);
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  expect(await fetch({ field: 'Query.knot', load: () => cyclic })).toBe(cyclic);
  const endless: unknown[] = [lazy(() => 1)];
  endless.push(endless);
  expect(await fetch({ field: 'Query.endless', load: () => endless })).toEqual([1, expect.anything()]);
});

it.each(Object.entries(lazyKinds))(
  'a value with %s in a property or a Set is returned and not stored',
  async (_, lazyOf) => {
    const { fetch, trace } = await newWorld();
    const values = [{ inner: lazyOf(() => 1) }, new Set([lazyOf(() => 1)]), [{ deep: [lazyOf(() => 1)] }]];
    for (const value of values) expect(await fetch({ load: () => value })).toBe(value);
    expect(trace.text).toBe(values.map(() => 'load write-refused(unencodable) miss').join(' '));
  },
);
