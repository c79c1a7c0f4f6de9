// A hit cannot be told from the miss before it, whatever the resolver returned: in each store, in the memory tier, and for a
// request that joined the load.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { differenceOf, oddValues, returned } from './resolver-values.ts';
import { newWorld, tiers, times, turn, type World } from '../world.ts';

const withoutPrototype = (): unknown => {
  const row = Object.assign(Object.create(null), { id: 1, at: null, tags: [Object.create(null)] }) as object;
  return { rows: [row, row], byId: Object.assign(Object.create(null), { $: row, constructor: 1 }) };
};

/** Loads each value and reads it again. */
async function expectSame(
  { fetch, outcome }: World,
  values: readonly unknown[],
  expectedTier: string,
): Promise<number> {
  let hits = 0;
  for (const [index, value] of values.entries()) {
    const asked = { field: `Query.field${index}`, tags: ['products'], load: () => value };
    expect(differenceOf(await fetch(asked), value)).toBeUndefined();
    for (const _ of times(3, Number)) {
      const { value: again, state, tier } = await outcome(asked);
      expect(differenceOf(value, again)).toBeUndefined();
      hits += Number(state === 'hit' && tier === expectedTier);
    }
  }
  return hits;
}

/** Objects that hold each odd value: a resolver's promise or error would be awaited, or be thrown. */
const odd = (): unknown[] => oddValues.map((make) => ({ odd: make() }));

describe.each(tiers)('on the %s store', (tier) => {
  it('a hit is what the miss was', async () => {
    const world = await newWorld(tier);
    const values = [
      ...odd(),
      withoutPrototype(),
      ...fc.sample(
        returned.map((value) => ({ odd: value })),
        100,
      ),
    ];
    expect(await expectSame(world, values, tier)).toBeGreaterThan(60);
  });
});

it('a hit in the memory tier is what the miss was', async () => {
  const world = await newWorld('redis', { memoryBytesMax: 10_000_000 });
  const { cache, clock } = world;
  await expect.poll(() => (clock.advance(100), cache.memory?.isCoherent), { interval: 25, timeout: 20_000 }).toBe(true);
  // Tokens that were just made are told of as changes, and are learnt from the next reads.
  for (const _ of times(3, Number)) await world.fetch({ tags: ['products'] });
  expect(await expectSame(world, [withoutPrototype(), ...odd()], 'memory')).toBeGreaterThan(10);
});

describe('a request that joined the load', () => {
  it('is given what the load gave', async () => {
    const { fetch, source } = await newWorld();
    for (const [index, value] of [withoutPrototype(), ...odd()].entries()) {
      const field = `Query.field${index}`;
      const held = source.hold();
      const load = (): unknown => source.load();
      const both = [fetch({ field, load }), fetch({ field, load: () => value })];
      await held.begun;
      held.give(value);
      for (const got of await Promise.all(both)) expect(differenceOf(got, value)).toBeUndefined();
    }
  });

  it('is not given what the first reader has changed in it', async () => {
    const { fetch, source } = await newWorld();
    const held = source.hold();
    const first = fetch().then((value) => {
      (value as { n: number }).n = 2;
      return value;
    });
    await held.begun;
    const second = fetch();
    await turn();
    held.give({ n: 1 });
    await first;
    expect(await second).toEqual({ n: 1 });
    expect(await fetch()).toEqual({ n: 1 });
  });
});
