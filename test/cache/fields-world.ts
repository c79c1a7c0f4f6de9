// What the tests of values whose properties are stored apart have in common.
import type { FetchCall, World } from './world.ts';

export const call: FetchCall = { fields: true, tags: ['products'] };

export class Decimal {
  readonly digits = '74.99';
}

export function keyOf({ cache }: World): ReturnType<World['cache']['key']> {
  return cache.key({ field: 'Query.field' });
}

/** Where Redis has the properties. */
export function hashKeyOf(world: World): string {
  return `{${keyOf(world).text}}:fields`;
}
