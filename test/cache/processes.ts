// Several processes on one Redis: each is a world of its own.
import type { Redis } from 'ioredis';
import { newWorld, redisClient, turn, type Fetching, type HeldLoad, type World } from './world.ts';

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

/** A load that holds the lease until the test ends it. */
export async function holding(
  { fetch, source }: World,
  options: Fetching = {},
): Promise<{ held: HeldLoad; first: Promise<unknown> }> {
  const held = source.hold();
  const first = fetch({ tags, ...options });
  first.catch(() => {});
  await held.begun;
  return { held, first };
}

/** Until the world waits for a lease: between two polls, which are 50 ms apart at most. */
export async function isWaiting(world: World): Promise<void> {
  while (!isPausing(world)) await turn();
}

/** A call that is not answered has timers of its own. */
function isPausing({ clock, callsPending }: World): boolean {
  return callsPending() === 0 && clock.nextInMs <= 50;
}

export async function poll(world: World): Promise<void> {
  await isWaiting(world);
  world.clock.advance(50);
}

/** Polls until `fetching` ends, however it does. */
export async function pollUntil(fetching: Promise<unknown>, ...worlds: World[]): Promise<void> {
  const way = { isOver: false };
  const over = (): void => void (way.isOver = true);
  fetching.then(over, over);
  while (!way.isOver) {
    for (const world of worlds) if (isPausing(world)) world.clock.advance(50);
    await turn();
  }
}
