// Work that returns a thenable has not ended: what its `then` starts runs with the value, and once.
import { AsyncResource } from 'node:async_hooks';
import { setImmediate as later } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { AsyncContext } from '../../src/async-context/index.ts';
import { lazy, lazyKinds } from '../support/lazy.ts';

/** Its callbacks run in the context in which it was created. */
const connection = new AsyncResource('connection');

const kinds: typeof lazyKinds = {
  ...lazyKinds,
  'a thenable that a connection resolves with another one': (work) => ({
    then: (resolve: (value: unknown) => void) => connection.runInAsyncScope(resolve, undefined, lazy(work)),
  }),
};

describe.each(Object.entries(kinds))('work that returns %s', (_kind, lazyOf) => {
  it('sees its value at every step, runs once, and resolves with its result', async () => {
    const context = new AsyncContext<number>();
    const seen: unknown[] = [];
    const run = (n: number): Promise<unknown> =>
      context.run(n, () =>
        lazyOf(async () => {
          seen.push(context.get());
          await later();
          seen.push(context.get());
          return `value ${n}`;
        }),
      );
    expect(await run(1)).toBe('value 1');
    expect(seen).toEqual([1, 1]);
    expect(await Promise.all([run(2), run(3)])).toEqual(['value 2', 'value 3']);
    expect(seen.slice(2)).toEqual([2, 3, 2, 3]);
    expect(context.get()).toBeUndefined();
  });

  it('rejects with the error of the thenable', async () => {
    const context = new AsyncContext<number>();
    const failing = (): unknown => lazyOf(() => Promise.reject(new Error('it broke')));
    await expect(context.run(1, failing)).rejects.toThrow('it broke');
  });
});

it('rejects if then throws, and settles once if then calls back twice', async () => {
  const context = new AsyncContext<number>();
  const throwing = {
    then(): never {
      throw new Error('it broke');
    },
  };
  await expect(context.run(1, () => throwing)).rejects.toThrow('it broke');
  const twice = {
    then(resolve: (value: number) => void, reject: (error: unknown) => void): void {
      resolve(1);
      resolve(2);
      reject(new Error('it broke'));
    },
  };
  expect(await context.run<unknown>(1, () => twice)).toBe(1);
});

it('gives lazy inner work its own value', async () => {
  const context = new AsyncContext<number>();
  const inner = lazy(async () => context.get());
  const seen = context.run(1, () => lazy(async () => [await context.run(2, () => inner), context.get()]));
  expect(await seen).toEqual([2, 1]);
});
