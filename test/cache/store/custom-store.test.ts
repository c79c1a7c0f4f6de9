// A store of the user's own may throw where the interface says that it rejects.
import { expect, it } from 'vitest';
import { createMemoryStore, type Store } from '../../../src/cache/index.ts';
import { newWorld } from '../world.ts';

const calls = ['read', 'confirm', 'tokens', 'capture', 'write', 'acquire', 'fill', 'renew', 'release'] as const;

it.each(calls)('a store whose %s throws does not fail a request', async (call) => {
  const { fetch } = await newWorld(throwingIn(call));
  expect(await fetch({ load: () => 'value', tags: ['products:1'] })).toBe('value');
  expect(await fetch({ load: () => 'value', tags: ['products:1'] })).toBe('value');
});

it('a store whose dropTokens, clear or usage throws rejects with STORE_UNAVAILABLE', async () => {
  const invalidated = (await newWorld(throwingIn('dropTokens'))).cache.invalidate(['products:1']);
  await expect(invalidated).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const flushed = (await newWorld(throwingIn('clear'))).cache.flush();
  await expect(flushed).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const used = (await newWorld(throwingIn('usage'))).cache.usage();
  await expect(used).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
});

function throwingIn(call: keyof Store): Store {
  const store = createMemoryStore({ namespace: 'shop' });
  const fail = (): never => {
    throw new Error(`${call}: not connected`);
  };
  return new Proxy(store, {
    get(_store, name) {
      const value: unknown = name === call ? fail : Reflect.get(store, name, store);
      return typeof value === 'function' ? value.bind(store) : value;
    },
  });
}
