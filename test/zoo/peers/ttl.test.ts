// Each field has its own time: that of the field, of its type or of the schema, in this order, or what a function returns.
import SchemaBuilder from '@pothos/core';
import { createCache, createMemoryStore, type Clock } from 'cachepot/cache';
import CachePlugin from 'cachepot/pothos';
import { expect, it } from 'vitest';
import { ask } from '../engines.ts';

it('the fields of one answer are each loaded again when their own time has passed', async () => {
  let nowMs = 0;
  const clock: Clock = { nowMs: () => nowMs, after: () => () => {} };
  const engine = createCache({ store: createMemoryStore({ namespace: 'ttl', clock }), clock, log: false });
  const loaded = new Set<string>();
  const load = (name: string): string => {
    loaded.add(name);
    return name;
  };
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] } as never);
  const Room = builder.objectRef<object>('Room').implement({
    fields: (t) => ({ ofSchema: t.string({ cache: { parentId: () => 1 }, resolve: () => load('ofSchema') }) }),
  });
  builder.queryType({
    cache: { ttl: '2s' },
    fields: (t) => ({
      ofField: t.string({ cache: { ttl: '1s' }, resolve: () => load('ofField') }),
      ofType: t.string({ resolve: () => load('ofType') }),
      ofFunction: t.string({ cache: { ttl: () => '3s' }, resolve: () => load('ofFunction') }),
      uncached: t.string({ cache: false, resolve: () => load('uncached') }),
      room: t.field({ type: Room, cache: false, resolve: () => ({}) }),
    }),
  });
  const defaults = { scope: 'public', ttl: '4s', jitter: 0 } as const;
  const schema = builder.toSchema({ cache: { engine, defaults } });
  const loadedAfter = async (ms: number): Promise<string> => {
    nowMs += ms;
    loaded.clear();
    const { errors } = await ask(schema, '{ ofField ofType ofFunction uncached room { ofSchema } }');
    expect(errors).toEqual([]);
    return [...loaded].toSorted().join(' ');
  };
  expect(await loadedAfter(0)).toBe('ofField ofFunction ofSchema ofType uncached');
  expect(await loadedAfter(999)).toBe('uncached');
  expect(await loadedAfter(2)).toBe('ofField uncached'); // 1,001 ms
  expect(await loadedAfter(1_001)).toBe('ofField ofType uncached'); // 2,002 ms
  expect(await loadedAfter(1_001)).toBe('ofField ofFunction uncached'); // 3,003 ms
  expect(await loadedAfter(1_001)).toBe('ofField ofSchema ofType uncached'); // 4,004 ms
});
