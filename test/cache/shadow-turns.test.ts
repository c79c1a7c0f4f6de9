// How many loads of shadow checks run at once, also if they never end.
import { expect, it } from 'vitest';
import { call, newOutdatedWorld, passGrace, resultsOf } from './shadow-world.ts';
import { newWorld, settled, times, type FetchCall, type HeldLoad, type World } from './world.ts';

const of = (field: string, n = 0): FetchCall => ({ ...call, field: `Query.${field}`, args: { n } });

/** A world with an entry for each call. */
async function newCachedWorld(calls: readonly FetchCall[], options?: Parameters<typeof newWorld>[1]): Promise<World> {
  const world = await newWorld('memory', options);
  for (const one of calls) await world.fetch(one);
  return world;
}

/** Hits of these values, each of which is drawn. */
async function hit(world: World, calls: readonly FetchCall[]): Promise<void> {
  for (const one of calls) await world.fetch(one);
  await settled(world);
}

async function hang(world: World, one: FetchCall): Promise<HeldLoad> {
  const held = world.source.hold();
  await world.fetch(one);
  await held.begun;
  return held;
}

it('two loads run at once, of two fields; the others wait for their turn', async () => {
  const fields = [of('a', 1), of('a', 2), of('b', 1), of('b', 2), of('c', 1)];
  const world = await newCachedWorld(fields);
  const held = times(2, () => world.source.hold());
  await hit(world, fields);
  expect(world.source.loads).toBe(7);
  for (const { give } of held) give('value');
  await settled(world);
  expect(world.source.loads).toBe(10);
  expect(resultsOf(world)).toEqual(times(5, () => 'equal'));
});

it.each<[string, FetchCall, number]>([
  ['ten seconds', {}, 10_000],
  ['the time that its policy gives it', { timeout: '1s' }, 1_000],
])('a load that is given up after %s keeps its turn until it ends', async (_, options, givenUpMs) => {
  const fields = ['a', 'b', 'c'].map((field) => ({ ...of(field), ...options }));
  const [a = {}, b = {}, c = {}] = fields;
  const world = await newCachedWorld(fields);
  const held = [await hang(world, a), await hang(world, b)];
  world.clock.advance(givenUpMs);
  await settled(world);
  expect(resultsOf(world)).toEqual(['failed', 'failed']);
  for (let round = 0; round < 100; round += 1) {
    await hit(world, fields);
    world.clock.advance(10_000);
    await settled(world);
  }
  expect(world.source.loads).toBe(5);
  expect(new Set(resultsOf(world).slice(2))).toEqual(new Set(['skipped']));
  held[0]?.give('value');
  await hit(world, [c]);
  expect(world.source.loads).toBe(6);
  expect(resultsOf(world).at(-1)).toBe('equal');
});

it('a field whose load hangs leaves the other turn to other fields', async () => {
  const ofHanging = times(5, (n) => of('hanging', n));
  const world = await newCachedWorld([...ofHanging, of('other')]);
  await hang(world, of('hanging'));
  await hit(world, [...ofHanging, of('other')]);
  expect(resultsOf(world)).toEqual(['equal']);
  world.clock.advance(10_000);
  await settled(world);
  await hit(world, [...ofHanging, of('other')]);
  expect(resultsOf(world).toSorted()).toEqual(['equal', 'equal', 'failed', ...times(9, () => 'skipped')]);
  expect(world.source.loads).toBe(9);
});

it('checks that wait for a load of their field are dropped when it is given up', async () => {
  const world = await newCachedWorld(times(3, (n) => of('a', n)));
  await hang(world, of('a', 0));
  world.clock.advance(5_000);
  await hit(world, [of('a', 1), of('a', 2)]);
  world.clock.advance(5_000);
  await settled(world);
  expect(resultsOf(world).toSorted()).toEqual(['failed', 'skipped', 'skipped']);
});

it('so are checks whose second load is due while that load runs on', async () => {
  const world = await newWorld('memory', { shadowGraceMs: 20_000 });
  for (const n of [1, 2]) await world.fetch(of('a', n));
  world.source.gives('new');
  await hit(world, [of('a', 1)]);
  await hang(world, of('a', 2));
  for (const _ of [1, 2]) {
    world.clock.advance(10_000);
    await settled(world);
  }
  expect(resultsOf(world)).toEqual(['failed', 'skipped']);
});

it('a load that fails gives its turn to the next one', async () => {
  const world = await newCachedWorld([of('a'), of('b'), of('c')]);
  const held = [await hang(world, of('a')), await hang(world, of('b'))];
  await hit(world, [of('c')]);
  held[0]?.fail(new Error('down'));
  await settled(world);
  expect(resultsOf(world)).toEqual(['failed', 'equal']);
});

it('so does a check that ends before it loads', async () => {
  const world = await newOutdatedWorld();
  await world.fetch(call);
  await settled(world);
  await world.cache.invalidate(['products']);
  await passGrace(world);
  expect(resultsOf(world)).toEqual(['explained']);
  await world.fetch(call);
  await hit(world, [call]);
  expect(resultsOf(world)).toEqual(['explained', 'equal']);
});

it('the second load waits for its turn, too', async () => {
  const world = await newCachedWorld([of('a', 1), of('a', 2)]);
  world.source.gives('new');
  await hit(world, [of('a', 1)]);
  const held = await hang(world, of('a', 2));
  await passGrace(world);
  expect(world.source.loads).toBe(4);
  held.give('value');
  await settled(world);
  expect(world.source.loads).toBe(5);
});
