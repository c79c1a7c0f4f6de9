// Several processes on one Redis. Each is a world of its own.
import type { Redis } from 'ioredis';
import { newWorld, redisClient, tick, type FetchCall, type HeldLoad, type World } from './world.ts';

export const tags = ['products'];

export interface Processes {
  readonly one: World;
  readonly two: World;
  readonly client: Redis;
  readonly key: string;
  readonly lease: string;
}

export async function newProcesses(): Promise<Processes> {
  const one = await newWorld('redis');
  const two = await newWorld('redis', { namespace: one.namespace });
  await one.store.capture(['*', ...tags]);
  two.source.gives('of two');
  const key = one.cache.key({ field: 'Query.field' }).text;
  return { one, two, client: await redisClient(), key, lease: `{${key}}:lease` };
}

/** Begins a load, which holds the lease until the test ends it. */
export async function holding(
  { fetch, source }: World,
  options: FetchCall = {},
): Promise<{ held: HeldLoad; first: Promise<unknown> }> {
  const held = source.hold();
  const first = fetch({ tags, ...options });
  first.catch(() => {});
  await held.begun;
  return { held, first };
}

/** Resolves when the world waits for a lease: between two lease requests, which are at most 50 ms apart. */
export async function isWaiting(world: World): Promise<void> {
  while (!isPausing(world)) await tick();
}

/** Whether the world waits for a lease: no call is pending, since calls have timers of their own. */
function isPausing({ clock, callsPending }: World): boolean {
  return callsPending() === 0 && clock.nextInMs <= 50;
}

/** Ends the next pause of the world, so that it repeats its lease request. */
export async function poll(world: World): Promise<void> {
  await isWaiting(world);
  world.clock.advance(50);
}

/** Ends the pauses of `worlds` until `fetching` settles. */
export async function pollUntil(fetching: Promise<unknown>, ...worlds: World[]): Promise<void> {
  const state = { isSettled: false };
  const settle = (): void => void (state.isSettled = true);
  fetching.then(settle, settle);
  while (!state.isSettled) {
    for (const world of worlds) if (isPausing(world)) world.clock.advance(50);
    await tick();
  }
}
