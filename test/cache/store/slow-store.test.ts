// A store that replies to each call just in time: a fetch waits for all calls together no longer than for one.
import { expect, it } from 'vitest';
import { newFaultyWorld, type FaultyWorld } from './faulty-store.ts';
import { times, tick } from '../world.ts';

/** Starts a fetch; the result shows whether it has been answered. */
function startFetch(
  { fetch }: FaultyWorld,
  options: Parameters<FaultyWorld['fetch']>[0] = {},
): { isAnswered: boolean } {
  const fetching = { isAnswered: false };
  void fetch(options).then(() => (fetching.isAnswered = true));
  return fetching;
}

/** Advances the clock by `ms`, then lets the store reply to the pending calls. */
async function replyAfter({ clock, faulty }: FaultyWorld, ms: number): Promise<void> {
  await tick();
  clock.advance(ms);
  faulty.answerAll();
  await tick();
}

/** Lets the store reply in the tick in which the time budget of a fetch ends. */
async function replyAtTheEnd({ clock, faulty }: FaultyWorld): Promise<void> {
  await tick();
  clock.advance(95);
  clock.stall(10);
  faulty.answerAll();
  await tick();
}

/** Advances the clock by `ms`; returns whether the fetch was answered before the last millisecond, and after it. */
async function pass(
  { clock }: FaultyWorld,
  ms: number,
  fetching: { isAnswered: boolean },
): Promise<[boolean, boolean]> {
  clock.advance(ms - 1);
  await tick();
  const before = fetching.isAnswered;
  clock.advance(1);
  await tick();
  return [before, fetching.isAnswered];
}

it('answers after 100 ms, the load not counted, if read and fill are slow', async () => {
  const world = await newFaultyWorld(['read', 'fill']);
  const { fetch, clock, faulty, source, trace } = world;
  await fetch({ field: 'Query.other' }); // creates the token of `*`
  trace.take();
  faulty.health = 'silent';
  const held = source.hold();
  const fetching = startFetch(world);
  await replyAfter(world, 80);
  clock.advance(300);
  held.give('value');
  await tick();
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(trace.take()).toBe('load store-slow miss');

  // The fill was not cancelled.
  await replyAfter(world, 60);
  faulty.health = 'well';
  expect(await fetch()).toBe('value');
  expect(trace.text).toBe('write hit');
});

it('answers after 100 ms if the token of a tag must be created', async () => {
  const world = await newFaultyWorld();
  world.faulty.health = 'silent';
  const fetching = startFetch(world, { tags: ['products'] });
  await replyAfter(world, 80);
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(world.faulty.calls).toEqual(['read', 'capture']);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('answers after 100 ms if the tokens of an inner value arrive late', async () => {
  const world = await newFaultyWorld();
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.trace.take();
  world.faulty.health = 'silent';
  const fetching = startFetch(world);
  await replyAfter(world, 80);
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('waits for no further call once its time budget is used up, and stores the value after the answer', async () => {
  const world = await newFaultyWorld(['read']);
  await world.fetch({ field: 'Query.other' });
  world.faulty.calls.length = 0;
  world.trace.take();
  world.faulty.health = 'silent';
  const outcome = world.outcome();
  await replyAtTheEnd(world);
  expect(await outcome).toMatchObject({ value: 'value', ageMs: null });
  await tick();
  expect(world.faulty.calls).toEqual(['read', 'acquire', 'fill']);
  expect(world.trace.text).toBe('store-slow load store-slow write miss');
});

it('makes no call that only the request needs once its time budget is used up', async () => {
  const world = await newFaultyWorld(['read']);
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.faulty.calls.length = 0;
  world.faulty.health = 'silent';
  const fetching = world.fetch({ load: world.source.load });
  await replyAtTheEnd(world);
  await fetching;
  expect(world.faulty.calls).toEqual(['read']);
});

it('keeps the circuit closed if the store replies within its own deadline, and opens it otherwise', async () => {
  const world = await newFaultyWorld(['capture', 'write']);
  const { fetch, clock, faulty, trace } = world;
  await fetch({ field: 'Query.other' });
  faulty.health = 'silent';
  const slowWrites = async (reply: () => void): Promise<void> => {
    for (const id of times(30, Number)) {
      const fetching = startFetch(world, { mode: 'refresh', args: { id: `${trace.events.length} ${id}` } });
      await replyAfter(world, 1); // so that the write has less time than its own deadline
      clock.advance(99);
      reply();
      await tick();
      clock.advance(1);
      await tick();
      expect(fetching.isAnswered).toBe(true);
    }
  };
  await slowWrites(() => faulty.answerAll());
  expect([trace.count('store-slow'), trace.count('store-failed')]).toEqual([30, 0]);
  await slowWrites(() => {});
  expect(trace.count('breaker-opened')).toBeGreaterThan(0);
});

it('has its whole time budget from when the call is sent, however busy the process was before', async () => {
  const world = await newFaultyWorld(['read', 'fill']);
  await world.fetch({ field: 'Query.other' });
  world.faulty.health = 'silent';
  const fetching = startFetch(world);
  world.clock.advance(90); // in the same tick: nothing has been sent yet
  await replyAfter(world, 60);
  expect(await pass(world, 40, fetching)).toEqual([false, true]);
});

it('leaves no timer behind if the store replies after a while', async () => {
  const world = await newFaultyWorld();
  world.faulty.health = 'mute';
  const fetching = startFetch(world, { tags: ['products'] });
  while (!fetching.isAnswered) await replyAfter(world, 1);
  expect(world.trace.text).toBe('load write miss');
  expect(world.clock.pending).toBe(0);
});

it('receives back a lease that was acquired with changed tokens, if the current tokens arrive too late', async () => {
  const world = await newFaultyWorld(['acquire']);
  const { faulty, store, fetch } = world;
  await fetch({ field: 'Query.other', tags: ['products'] });
  faulty.health = 'silent';
  const fetching = fetch({ tags: ['products'] });
  await tick();
  await store.dropTokens(['products']);
  await replyAtTheEnd(world);
  expect(await fetching).toBe('value');
  await tick();
  expect(faulty.calls.slice(-5)).toEqual(['read', 'acquire', 'dropTokens', 'capture', 'release']);
});

it('receives back a lease that was acquired with changed tokens, if the next acquire fails', async () => {
  const world = await newFaultyWorld();
  const { faulty, clock, store, fetch } = world;
  await fetch({ field: 'Query.other', tags: ['products'] });
  let acquired = 0;
  faulty.onCall = (call) => {
    if (call === 'release') faulty.health = 'well';
    if (call !== 'acquire') return;
    acquired += 1;
    if (acquired === 2) {
      faulty.health = 'failing';
      return;
    }
    void store.dropTokens(['products']);
    void store.capture(['products']);
    clock.advance(100);
  };
  expect(await fetch({ tags: ['products'] })).toBe('value');
  await tick();
  expect(faulty.calls.slice(-6)).toEqual(['read', 'acquire', 'dropTokens', 'capture', 'acquire', 'release']);
});
