// A value for all code that some work runs: each piece of work has its own, however they overlap; other code has none.
import { setImmediate as later } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { AsyncContext } from '../../src/async-context/index.ts';

/** Does work of `steps` steps; returns the values that it sees. */
async function seenBy(context: AsyncContext<number>, steps: number): Promise<Set<number | undefined>> {
  const seen = new Set<number | undefined>();
  for (let step = 0; step < steps; step += 1) {
    seen.add(context.get());
    await (step % 2 === 0 ? later() : Promise.resolve());
  }
  return seen.add(context.get());
}

it('gives each piece of work its own value at every step, even after others have ended', async () => {
  const context = new AsyncContext<number>();
  const works = Array.from({ length: 50 }, (_, n) => context.run(n, () => seenBy(context, 1 + ((7 * n) % 50))));
  expect(context.get()).toBeUndefined();
  expect(await Promise.all(works)).toEqual(works.map((_, n) => new Set([n])));
  expect(context.get()).toBeUndefined();
});

it('gives values again after all work has ended, repeatedly', async () => {
  const context = new AsyncContext<number>();
  for (let n = 0; n < 20; n += 1) {
    const [one, other] = [context.run(n, () => seenBy(context, 5)), context.run(-n, () => seenBy(context, 1))];
    expect([await one, await other]).toEqual([new Set([n]), new Set([-n])]);
    expect(context.get()).toBeUndefined();
    expect(context.runSync(n, () => context.get())).toBe(n);
    expect(context.get()).toBeUndefined();
  }
});

it('keeps the value of work while inner work begins and ends, or fails', async () => {
  const context = new AsyncContext<number>();
  const seen = await context.run(1, async () => {
    await later();
    const inner = context.runSync(2, () => context.get());
    expect(() =>
      context.runSync(3, () => {
        throw new Error('it broke');
      }),
    ).toThrow('it broke');
    await expect(context.run(4, () => Promise.reject(new Error('it broke too')))).rejects.toThrow('it broke too');
    await later();
    return [inner, context.exit(() => context.get()), context.get()];
  });
  expect(seen).toEqual([2, undefined, 1]);
  expect(await context.run(5, () => seenBy(context, 3))).toEqual(new Set([5]));
});

it('does not give code that was left running the value of other work', async () => {
  const context = new AsyncContext<number>();
  const left: Promise<unknown>[] = [];
  for (let n = 0; n < 20; n += 1) {
    await context.run(n, async () => {
      left.push(seenBy(context, 40).then((seen) => [...seen].filter((one) => one !== n && one !== undefined)));
      await later();
    });
  }
  expect(await Promise.all(left)).toEqual(left.map(() => []));
});

it('is disabled while no work runs, up to Node.js 22: code that was left running sees no value', async () => {
  const context = new AsyncContext<number>();
  await expect(context.run(0, () => Promise.reject(new Error('it broke')))).rejects.toThrow('it broke');
  const left: Promise<number | undefined>[] = [];
  await context.run(1, () => void left.push(later().then(() => context.get())));
  const isCostly = Number.parseInt(process.versions.node, 10) < 24;
  expect(await Promise.all(left)).toEqual([isCostly ? undefined : 1]);
});
