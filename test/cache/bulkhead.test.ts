// At most so many loads run at once.
import { expect, it } from 'vitest';
import { newWorld, settled, times, type FetchCall } from './world.ts';

const call = (id: number, options: FetchCall = {}): FetchCall => ({ args: { id }, tags: ['products'], ...options });

it('further loads wait in order of arrival, and hits do not wait', async () => {
  const { fetch, source, outcome, callsPending } = await newWorld('memory', { loadsAtOnceMax: 2 });
  await fetch(call(0));
  const held = times(3, () => source.hold());
  const order: number[] = [];
  const requests = times(4, async (index) => {
    await fetch(call(index + 1));
    order.push(index + 1);
  });
  await held[0]?.begun;
  await held[1]?.begun;
  await settled({ callsPending });
  expect(source.loads).toBe(3);
  expect(await outcome(call(0))).toMatchObject({ state: 'hit' });
  held[1]?.give('value');
  await held[2]?.begun;
  expect(source.loads).toBe(4);
  held[2]?.give('value');
  held[0]?.give('value');
  await Promise.all(requests);
  expect(new Set(order)).toEqual(new Set([1, 2, 3, 4]));
  expect(order[0]).toBe(2);
});

it('a load that fails, or bypasses the cache, gives its place to the next one', async () => {
  const world = await newWorld('memory', { loadsAtOnceMax: 1 });
  const { fetch, source } = world;
  const [first, second] = [source.hold(), source.hold()];
  const requests = [fetch(call(1)), fetch(call(2, { mode: 'bypass' })), fetch(call(3))];
  for (const request of requests) request.catch(() => {});
  await first.begun;
  await settled(world);
  expect(source.loads).toBe(1);
  first.fail(new Error('down'));
  await second.begun;
  expect(source.loads).toBe(2);
  second.give('value');
  await expect(requests[1]).rejects.toThrow('down'); // it asks no store, so it is the first
  expect(await requests[0]).toBe('value');
  expect(await requests[2]).toBe('value');
});

it('loads inside of loads do not wait for a place', async () => {
  const { fetch } = await newWorld('memory', { loadsAtOnceMax: 1 });
  const outer = {
    field: 'Query.outer',
    load: async () => [await fetch(call(1)), await fetch(call(2, { mode: 'bypass' }))],
  };
  expect(await fetch(outer)).toEqual(['value', 'value']);
});

it.each([0, -1, 1.5, Number.NaN, '8'])('%j is no number of loads', async (loadsAtOnceMax) => {
  await expect(newWorld('memory', { loadsAtOnceMax: loadsAtOnceMax as number })).rejects.toThrow(
    'createCache: loadsAtOnceMax must be a whole number, at least 1, got',
  );
});
