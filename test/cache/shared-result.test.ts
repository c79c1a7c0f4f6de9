// A request that joins a load receives a copy of its value, or loads for itself if the value cannot be copied.
import { describe, expect, it } from 'vitest';
import { newWorld, tiers, times, withResolvers } from './world.ts';

class Row {
  readonly id = 1;
}

function* rows(): Generator<number> {
  yield* [1, 2, 3];
}

it('copies a value once for all requests that joined its load, and freezes that copy', async () => {
  const { fetch, source } = await newWorld();
  const held = source.hold();
  const fetching = times(20, () => fetch());
  await held.begun;
  const value = [{ name: 'Rose' }];
  held.give(value);
  const [loaded, ...joined] = await Promise.all(fetching);
  expect(loaded).toBe(value);
  expect(Object.isFrozen(value)).toBe(false);
  expect(new Set(joined).size).toBe(1);
  expect(Object.isFrozen(joined[0])).toBe(true);
  expect(joined[0]).toEqual(value);
});

describe.each(tiers)('on the %s store, a request that joins a load whose value cannot be copied', (tier) => {
  it('receives an instance of its own, reported as a miss and not stored', async () => {
    const { outcome, source, trace } = await newWorld(tier);
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : new Row());
    const fetching = times(3, () => outcome({ load }));
    await held.begun;
    held.give(new Row());
    const [loader, ...joined] = await Promise.all(fetching);
    for (const { value, state, ageMs, ttlMs } of joined) {
      expect(value).toBeInstanceOf(Row);
      expect(value).not.toBe(loader?.value);
      expect([state, ageMs, ttlMs]).toEqual(['miss', null, null]);
    }
    expect([trace.count('load'), trace.count('write')]).toEqual([3, 0]);
  });

  it('receives an iterator of its own, which no other request has consumed', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : rows());
    const fetching = times(3, () => fetch({ load }).then((items) => [...(items as Iterable<number>)]));
    await held.begun;
    held.give(rows());
    expect(await Promise.all(fetching)).toEqual(times(3, () => [1, 2, 3]));
  });

  it('does not store a value that it derives from that value', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const held = source.hold();
    const inner = { field: 'Query.inner', load: () => (source.loads === 0 ? source.load() : new Row()) };
    const first = fetch(inner);
    await held.begun;
    const { promise: hasJoined, resolve } = withResolvers<void>();
    const load = async (): Promise<number> => {
      const row = fetch(inner);
      resolve();
      return ((await row) as Row).id;
    };
    const pending = fetch({ field: 'Query.outer', load });
    await hasJoined;
    held.give(new Row());
    await first;
    expect(await pending).toBe(1);
    expect(trace.text).toContain('write-refused(inner-unstored)');
    expect(trace.count('write')).toBe(0);
  });

  it('is rejected with CIRCULAR_LOAD if its own load closes a cycle', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const outer = { field: 'Query.outer' };
    const inner = { field: 'Query.inner' };
    const first = fetch({ ...inner, load: source.load });
    await held.begun;
    const { promise: hasJoined, resolve } = withResolvers<void>();
    const load = (): Promise<unknown> => {
      const row = fetch({ ...inner, load: () => fetch(outer) });
      resolve();
      return row;
    };
    const pending = fetch({ ...outer, load });
    await hasJoined;
    held.give(new Row());
    await first;
    await expect(pending).rejects.toMatchObject({ code: 'CIRCULAR_LOAD' });
  });
});
