// Worlds whose hits are checked in the background.
import type { CacheEvent } from '../../src/cache/index.ts';
import { newWorld, settled, type FetchCall, type World } from './world.ts';

export const graceMs = 3_000;

/** All of its hits are drawn. */
export const call: FetchCall = { ttl: '1h', tags: ['products'], shadow: 1 };

export const old = { name: 'Pot', price: 10, stock: [1, 2] };
export const changed = { name: 'Pot', price: 12, stock: [1, 3] };

/** A world with an entry whose source has changed since; nothing has invalidated it. */
export async function newOutdatedWorld(...[over, options]: Parameters<typeof newWorld>): Promise<World> {
  const world = await newWorld(over, options);
  world.source.gives(old);
  await world.fetch(call);
  world.source.gives(changed);
  await settled(world);
  world.trace.take();
  return world;
}

/** The grace period passes. */
export async function passGrace(world: World): Promise<void> {
  await settled(world);
  world.clock.advance(graceMs);
  await settled(world);
}

/** The results of the checks so far, in order. */
export function resultsOf({ trace }: World): string[] {
  return trace.events.flatMap((event) => (event.type === 'shadow-check' ? [event.result] : []));
}

export function differencesIn({ trace }: World): Extract<CacheEvent, { type: 'shadow-difference' }>[] {
  return trace.events.filter((event) => event.type === 'shadow-difference');
}
