// A store that answers each call just in time: a fetch waits for all of them together no longer than for one.
import { expect, it } from 'vitest';
import { newSickWorld, type SickWorld } from './sick-store.ts';
import { times, turn } from '../world.ts';

/** A fetch on its way, and whether it is answered. */
function underWay({ fetch }: SickWorld, options: Parameters<SickWorld['fetch']>[0] = {}): { isAnswered: boolean } {
  const way = { isAnswered: false };
  void fetch(options).then(() => (way.isAnswered = true));
  return way;
}

/** Lets time pass, and the store answer after that what it was asked. */
async function answerAfter({ clock, sick }: SickWorld, ms: number): Promise<void> {
  await turn();
  clock.advance(ms);
  sick.answerAll();
  await turn();
}

/** Lets the store answer in the turn in which the last of a fetch's time passes. */
async function answerAtTheEnd({ clock, sick }: SickWorld): Promise<void> {
  await turn();
  clock.advance(95);
  clock.stall(10);
  sick.answerAll();
  await turn();
}

/** Lets all but the last of `ms` pass, then that one; says whether the fetch is answered before and after it. */
async function passing({ clock }: SickWorld, ms: number, way: { isAnswered: boolean }): Promise<[boolean, boolean]> {
  clock.advance(ms - 1);
  await turn();
  const before = way.isAnswered;
  clock.advance(1);
  await turn();
  return [before, way.isAnswered];
}

it('answers 100 ms after the fetch, the load not counted, where read and fill are slow', async () => {
  const world = await newSickWorld(['read', 'fill']);
  const { fetch, clock, sick, source, trace } = world;
  await fetch({ field: 'Query.other' }); // the token of `*` stands
  trace.take();
  sick.health = 'silent';
  const held = source.hold();
  const way = underWay(world);
  await answerAfter(world, 80);
  clock.advance(300);
  held.give('value');
  await turn();
  expect(await passing(world, 20, way)).toEqual([false, true]);
  expect(trace.take()).toBe('load store-slow miss');

  // The fill was not taken back.
  await answerAfter(world, 60);
  sick.health = 'well';
  expect(await fetch()).toBe('value');
  expect(trace.text).toBe('write hit');
});

it('answers 100 ms after the fetch where the tokens of a tag are to be made', async () => {
  const world = await newSickWorld();
  world.sick.health = 'silent';
  const way = underWay(world, { tags: ['products'] });
  await answerAfter(world, 80);
  expect(await passing(world, 20, way)).toEqual([false, true]);
  expect(world.sick.calls).toEqual(['read', 'capture']);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('answers 100 ms after the fetch where a value is made of another, and its tokens come late', async () => {
  const world = await newSickWorld();
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.trace.take();
  world.sick.health = 'silent';
  const way = underWay(world);
  await answerAfter(world, 80);
  expect(await passing(world, 20, way)).toEqual([false, true]);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('waits for nothing more where nothing is left, and stores the value behind the answer', async () => {
  const world = await newSickWorld(['read']);
  await world.fetch({ field: 'Query.other' });
  world.sick.calls.length = 0;
  world.trace.take();
  world.sick.health = 'silent';
  const outcome = world.outcome();
  await answerAtTheEnd(world);
  expect(await outcome).toMatchObject({ value: 'value', ageMs: null });
  await turn();
  expect(world.sick.calls).toEqual(['read', 'acquire', 'fill']);
  expect(world.trace.text).toBe('store-slow load store-slow write miss');
});

it('does not begin what only a request wants where nothing is left', async () => {
  const world = await newSickWorld(['read']);
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.sick.calls.length = 0;
  world.sick.health = 'silent';
  const fetching = world.fetch({ load: world.source.load });
  await answerAtTheEnd(world);
  await fetching;
  expect(world.sick.calls).toEqual(['read']);
});

it('leaves the breaker closed where the store answers in its own deadline, and opens it where it does not', async () => {
  const world = await newSickWorld(['capture', 'write']);
  const { fetch, clock, sick, trace } = world;
  await fetch({ field: 'Query.other' });
  sick.health = 'silent';
  const slowWrites = async (answer: () => void): Promise<void> => {
    for (const id of times(30, Number)) {
      const way = underWay(world, { mode: 'refresh', args: { id: `${trace.events.length} ${id}` } });
      await answerAfter(world, 1); // so a write has less than the whole deadline
      clock.advance(99);
      answer();
      await turn();
      clock.advance(1);
      await turn();
      expect(way.isAnswered).toBe(true);
    }
  };
  await slowWrites(() => sick.answerAll());
  expect([trace.count('store-slow'), trace.count('store-failed')]).toEqual([30, 0]);
  await slowWrites(() => {});
  expect(trace.count('breaker-opened')).toBeGreaterThan(0);
});

it('has all its time from when it is asked, whatever this process does before that', async () => {
  const world = await newSickWorld(['read', 'fill']);
  await world.fetch({ field: 'Query.other' });
  world.sick.health = 'silent';
  const way = underWay(world);
  world.clock.advance(90); // in the same turn: nothing is sent yet
  await answerAfter(world, 60);
  expect(await passing(world, 40, way)).toEqual([false, true]);
});

it('leaves no timer behind where it answers after a while', async () => {
  const world = await newSickWorld();
  world.sick.health = 'mute';
  const way = underWay(world, { tags: ['products'] });
  while (!way.isAnswered) await answerAfter(world, 1);
  expect(world.trace.text).toBe('load write miss');
  expect(world.clock.pending).toBe(0);
});

it('gets back a lease that it gave for tokens which had changed, where the tokens of now come too late', async () => {
  const world = await newSickWorld(['acquire']);
  const { sick, store, fetch } = world;
  await fetch({ field: 'Query.other', tags: ['products'] });
  sick.health = 'silent';
  const fetching = fetch({ tags: ['products'] });
  await turn();
  await store.dropTokens(['products']);
  await answerAtTheEnd(world);
  expect(await fetching).toBe('value');
  await turn();
  expect(sick.calls.slice(-5)).toEqual(['read', 'acquire', 'dropTokens', 'capture', 'release']);
});

it('gets it back also where it fails when it is asked with the tokens of now', async () => {
  const world = await newSickWorld();
  const { sick, clock, store, fetch } = world;
  await fetch({ field: 'Query.other', tags: ['products'] });
  let acquired = 0;
  sick.onCall = (call) => {
    if (call === 'release') sick.health = 'well';
    if (call !== 'acquire') return;
    acquired += 1;
    if (acquired === 2) {
      sick.health = 'failing';
      return;
    }
    void store.dropTokens(['products']);
    void store.capture(['products']);
    clock.advance(100);
  };
  expect(await fetch({ tags: ['products'] })).toBe('value');
  await turn();
  expect(sick.calls.slice(-6)).toEqual(['read', 'acquire', 'dropTokens', 'capture', 'acquire', 'release']);
});
