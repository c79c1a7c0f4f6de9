// Who boards another request's load: a copy of his own, or a load of his own where there can be no copy.
import { describe, expect, it } from 'vitest';
import { newWorld, tiers, times, withResolvers } from './world.ts';

class Row {
  readonly id = 1;
}

function* rows(): Generator<number> {
  yield* [1, 2, 3];
}

it('copies a value once, however many board its load, and freezes what they have in common', async () => {
  const { fetch, source } = await newWorld();
  const held = source.hold();
  const fetching = times(20, () => fetch());
  await held.begun;
  const value = [{ name: 'Rose' }];
  held.give(value);
  const [loaders, ...boarders] = await Promise.all(fetching);
  expect(loaders).toBe(value);
  expect(Object.isFrozen(value)).toBe(false);
  expect(new Set(boarders).size).toBe(1);
  expect(Object.isFrozen(boarders[0])).toBe(true);
  expect(boarders[0]).toEqual(value);
});

describe.each(tiers)('on the %s store, who boards a load of what has no stored form', (tier) => {
  it('gets an instance of his own, and hears that it is not stored', async () => {
    const { outcome, source, trace } = await newWorld(tier);
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : new Row());
    const fetching = times(3, () => outcome({ load }));
    await held.begun;
    held.give(new Row());
    const [loader, ...boarders] = await Promise.all(fetching);
    for (const { value, state, ageMs, ttlMs } of boarders) {
      expect(value).toBeInstanceOf(Row);
      expect(value).not.toBe(loader?.value);
      expect([state, ageMs, ttlMs]).toEqual(['miss', null, null]);
    }
    expect([trace.count('load'), trace.count('write')]).toEqual([3, 0]);
  });

  it('gets an iterator that nobody has spent', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const load = async (): Promise<unknown> => (source.loads === 0 ? source.load() : rows());
    const fetching = times(3, () => fetch({ load }).then((items) => [...(items as Iterable<number>)]));
    await held.begun;
    held.give(rows());
    expect(await Promise.all(fetching)).toEqual(times(3, () => [1, 2, 3]));
  });

  it('makes nothing of it that is stored', async () => {
    const { fetch, source, trace } = await newWorld(tier);
    const held = source.hold();
    const inner = { field: 'Query.inner', load: () => (source.loads === 0 ? source.load() : new Row()) };
    const first = fetch(inner);
    await held.begun;
    const { promise: isOnBoard, resolve } = withResolvers<void>();
    const load = async (): Promise<number> => {
      const row = fetch(inner);
      resolve();
      return ((await row) as Row).id;
    };
    const made = fetch({ field: 'Query.outer', load });
    await isOnBoard;
    held.give(new Row());
    await first;
    expect(await made).toBe(1);
    expect(trace.text).toContain('write-refused(inner-unstored)');
    expect(trace.count('write')).toBe(0);
  });

  it('hears of a circle that his own load closes, and waits for nobody', async () => {
    const { fetch, source } = await newWorld(tier);
    const held = source.hold();
    const outer = { field: 'Query.outer' };
    const inner = { field: 'Query.inner' };
    const first = fetch({ ...inner, load: source.load });
    await held.begun;
    const { promise: isOnBoard, resolve } = withResolvers<void>();
    const load = (): Promise<unknown> => {
      const row = fetch({ ...inner, load: () => fetch(outer) });
      resolve();
      return row;
    };
    const made = fetch({ ...outer, load });
    await isOnBoard;
    held.give(new Row());
    await first;
    await expect(made).rejects.toMatchObject({ code: 'CIRCULAR_LOAD' });
  });
});
