// A store that replies to each call just in time: a fetch waits for all calls together no longer than for one.
import { expect, it } from 'vitest';
import { newSickWorld, type SickWorld } from './sick-store.ts';
import { times, turn } from '../world.ts';

/** Starts a fetch; the result shows whether it has been answered. */
function startFetch({ fetch }: SickWorld, options: Parameters<SickWorld['fetch']>[0] = {}): { isAnswered: boolean } {
  const fetching = { isAnswered: false };
  void fetch(options).then(() => (fetching.isAnswered = true));
  return fetching;
}

/** Advances the clock by `ms`, then lets the store reply to the pending calls. */
async function replyAfter({ clock, sick }: SickWorld, ms: number): Promise<void> {
  await turn();
  clock.advance(ms);
  sick.answerAll();
  await turn();
}

/** Lets the store reply in the tick in which the time budget of a fetch ends. */
async function replyAtTheEnd({ clock, sick }: SickWorld): Promise<void> {
  await turn();
  clock.advance(95);
  clock.stall(10);
  sick.answerAll();
  await turn();
}

/** Advances the clock by `ms`; returns whether the fetch was answered before the last millisecond, and after it. */
async function pass({ clock }: SickWorld, ms: number, fetching: { isAnswered: boolean }): Promise<[boolean, boolean]> {
  clock.advance(ms - 1);
  await turn();
  const before = fetching.isAnswered;
  clock.advance(1);
  await turn();
  return [before, fetching.isAnswered];
}

it('answers after 100 ms, the load not counted, if read and fill are slow', async () => {
  const world = await newSickWorld(['read', 'fill']);
  const { fetch, clock, sick, source, trace } = world;
  await fetch({ field: 'Query.other' }); // creates the token of `*`
  trace.take();
  sick.health = 'silent';
  const held = source.hold();
  const fetching = startFetch(world);
  await replyAfter(world, 80);
  clock.advance(300);
  held.give('value');
  await turn();
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(trace.take()).toBe('load store-slow miss');

  // The fill was not cancelled.
  await replyAfter(world, 60);
  sick.health = 'well';
  expect(await fetch()).toBe('value');
  expect(trace.text).toBe('write hit');
});

it('answers after 100 ms if the token of a tag must be created', async () => {
  const world = await newSickWorld();
  world.sick.health = 'silent';
  const fetching = startFetch(world, { tags: ['products'] });
  await replyAfter(world, 80);
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(world.sick.calls).toEqual(['read', 'capture']);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('answers after 100 ms if the tokens of an inner value arrive late', async () => {
  const world = await newSickWorld();
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.trace.take();
  world.sick.health = 'silent';
  const fetching = startFetch(world);
  await replyAfter(world, 80);
  expect(await pass(world, 20, fetching)).toEqual([false, true]);
  expect(world.trace.text).toBe('store-slow load miss');
});

it('waits for no further call once its time budget is used up, and stores the value after the answer', async () => {
  const world = await newSickWorld(['read']);
  await world.fetch({ field: 'Query.other' });
  world.sick.calls.length = 0;
  world.trace.take();
  world.sick.health = 'silent';
  const outcome = world.outcome();
  await replyAtTheEnd(world);
  expect(await outcome).toMatchObject({ value: 'value', ageMs: null });
  await turn();
  expect(world.sick.calls).toEqual(['read', 'acquire', 'fill']);
  expect(world.trace.text).toBe('store-slow load store-slow write miss');
});

it('makes no call that only the request needs once its time budget is used up', async () => {
  const world = await newSickWorld(['read']);
  const load = (): Promise<unknown> => world.fetch({ field: 'Query.inner', tags: ['inner'] });
  await world.fetch({ load });
  world.sick.calls.length = 0;
  world.sick.health = 'silent';
  const fetching = world.fetch({ load: world.source.load });
  await replyAtTheEnd(world);
  await fetching;
  expect(world.sick.calls).toEqual(['read']);
});

it('keeps the circuit closed if the store replies within its own deadline, and opens it otherwise', async () => {
  const world = await newSickWorld(['capture', 'write']);
  const { fetch, clock, sick, trace } = world;
  await fetch({ field: 'Query.other' });
  sick.health = 'silent';
  const slowWrites = async (reply: () => void): Promise<void> => {
    for (const id of times(30, Number)) {
      const fetching = startFetch(world, { mode: 'refresh', args: { id: `${trace.events.length} ${id}` } });
      await replyAfter(world, 1); // so that the write has less time than its own deadline
      clock.advance(99);
      reply();
      await turn();
      clock.advance(1);
      await turn();
      expect(fetching.isAnswered).toBe(true);
    }
  };
  await slowWrites(() => sick.answerAll());
  expect([trace.count('store-slow'), trace.count('store-failed')]).toEqual([30, 0]);
  await slowWrites(() => {});
  expect(trace.count('breaker-opened')).toBeGreaterThan(0);
});

it('has its whole time budget from when the call is sent, however busy the process was before', async () => {
  const world = await newSickWorld(['read', 'fill']);
  await world.fetch({ field: 'Query.other' });
  world.sick.health = 'silent';
  const fetching = startFetch(world);
  world.clock.advance(90); // in the same tick: nothing has been sent yet
  await replyAfter(world, 60);
  expect(await pass(world, 40, fetching)).toEqual([false, true]);
});

it('leaves no timer behind if the store replies after a while', async () => {
  const world = await newSickWorld();
  world.sick.health = 'mute';
  const fetching = startFetch(world, { tags: ['products'] });
  while (!fetching.isAnswered) await replyAfter(world, 1);
  expect(world.trace.text).toBe('load write miss');
  expect(world.clock.pending).toBe(0);
});

it('receives back a lease that was acquired with changed tokens, if the current tokens arrive too late', async () => {
  const world = await newSickWorld(['acquire']);
  const { sick, store, fetch } = world;
  await fetch({ field: 'Query.other', tags: ['products'] });
  sick.health = 'silent';
  const fetching = fetch({ tags: ['products'] });
  await turn();
  await store.dropTokens(['products']);
  await replyAtTheEnd(world);
  expect(await fetching).toBe('value');
  await turn();
  expect(sick.calls.slice(-5)).toEqual(['read', 'acquire', 'dropTokens', 'capture', 'release']);
});

it('receives back a lease that was acquired with changed tokens, if the next acquire fails', async () => {
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
