// What a field's policy makes of the time for which its values are fresh, and what HTTP caches are told about it.
import { execute, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { httpCachingOf } from '../../src/pothos-cache/index.ts';
import { newSchema, type SchemaWorld } from './world.ts';

async function cacheControlOf({ schema }: SchemaWorld, text: string): Promise<string | undefined> {
  const args = { schema, document: parse(text), contextValue: {} };
  const result = await execute(args);
  return httpCachingOf(args, result, JSON.stringify(result.data))?.cacheControl;
}

describe('http', () => {
  it('promises no longer than the value is fresh, although jitter shortened that', async () => {
    const world = await newSchema((builder) => {
      builder.queryField('n', (t) =>
        t.int({ cache: { scope: 'public', ttl: '10s', jitter: 0.5, http: '10s' }, resolve: () => 1 }),
      );
    });
    expect(await cacheControlOf(world, '{ n }')).toBe('public, max-age=5, must-revalidate');
    world.clock.advance(2_500);
    expect(await cacheControlOf(world, '{ n }')).toBe('public, max-age=2, must-revalidate');
  });
});
