// A hit is indistinguishable from the miss before it, whatever the resolver returned: in each store, in the memory tier, and
// for a request that joined the load.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf, oddValues, returned } from './resolver-values.ts';
import { advanceUntil, newWorld, tiers, times, tick, type World } from '../world.ts';

const withoutPrototype = (): unknown => {
  const row = Object.assign(Object.create(null), { id: 1, at: null, tags: [Object.create(null)] }) as object;
  return { rows: [row, row], byId: Object.assign(Object.create(null), { $: row, constructor: 1 }) };
};

/** Loads each value and reads it again; returns the number of hits in the expected tier. */
async function expectSameValues(
  { fetch, outcome }: World,
  values: readonly unknown[],
  expectedTier: string,
): Promise<number> {
  let hits = 0;
  for (const [index, value] of values.entries()) {
    const request = { field: `Query.field${index}`, tags: ['products'], load: () => value };
    expect(differenceOf(await fetch(request), value)).toBeUndefined();
    for (const _ of times(3, Number)) {
      const { value: again, state, tier } = await outcome(request);
      expect(differenceOf(value, again)).toBeUndefined();
      hits += Number(state === 'hit' && tier === expectedTier);
    }
  }
  return hits;
}

/** Each odd value in an object, because a promise would be awaited and an error thrown. */
const oddObjects = (): unknown[] => oddValues.map((make) => ({ oddObjects: make() }));

describe.each(tiers)('on the %s store', (tier) => {
  it('a hit returns the same as the miss', async () => {
    const world = await newWorld(tier);
    const values = [
      ...oddObjects(),
      withoutPrototype(),
      ...fc.sample(
        returned.map((value) => ({ oddObjects: value })),
        100,
      ),
    ];
    expect(await expectSameValues(world, values, tier)).toBeGreaterThan(60);
  });
});

it('a hit in the memory tier returns the same as the miss', async () => {
  const world = await newWorld('redis', { memoryBytesMax: 10_000_000 });
  const { cache, clock } = world;
  await advanceUntil(clock, 100, () => cache.memory?.isCoherent === true);
  // New tokens are notified as changes, so the memory tier learns them from the next reads.
  for (const _ of times(3, Number)) await world.fetch({ tags: ['products'] });
  expect(await expectSameValues(world, [withoutPrototype(), ...oddObjects()], 'memory')).toBeGreaterThan(10);
});

describe('a request that joined the load', () => {
  it('receives the value that the load returned', async () => {
    const { fetch, source } = await newWorld();
    for (const [index, value] of [withoutPrototype(), ...oddObjects()].entries()) {
      const field = `Query.field${index}`;
      const held = source.hold();
      const load = (): unknown => source.load();
      const both = [fetch({ field, load }), fetch({ field, load: () => value })];
      await held.begun;
      held.give(value);
      for (const received of await Promise.all(both)) expect(differenceOf(received, value)).toBeUndefined();
    }
  });

  it('receives no change that the first reader has made to the value', async () => {
    const { fetch, source } = await newWorld();
    const held = source.hold();
    const first = fetch().then((value) => {
      (value as { n: number }).n = 2;
      return value;
    });
    await held.begun;
    const second = fetch();
    await tick();
    held.give({ n: 1 });
    await first;
    expect(await second).toEqual({ n: 1 });
    expect(await fetch()).toEqual({ n: 1 });
  });
});
