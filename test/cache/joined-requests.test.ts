// A request that joins a load receives its result only if that result is valid for the request, too.
import { expect, it } from 'vitest';
import { createPolicy, currentLoad, type Store } from '../../src/cache/index.ts';
import { newWorld, tiers, tick, withResolvers, type World } from './world.ts';

const policy = createPolicy('Query.field', { ttl: '60s' });

const reads: Record<string, () => void> = {
  'uncommitted rows': () => currentLoad()?.readsUncommitted('a transaction of the request'),
  'rows that are not committed when the load ends': () =>
    currentLoad()?.readsUncommittedUnless(() => false, 'a transaction that was rolled back'),
};
const rows = Object.entries(reads).flatMap(([what, read]) => tiers.map((tier) => ({ what, read, tier })));

it.each(rows)('a joined request does not receive $what (store: $tier)', async ({ read, tier }) => {
  const { fetch } = await newWorld(tier);
  const uncommitted = loadOf(read);
  const values = [fetch({ load: uncommitted }), fetch({ load: () => 'committed' })];
  expect(await Promise.all(values)).toEqual(['uncommitted', 'committed']);
});

it.each(rows)('nor in a value made of them (what was read: $what, store: $tier)', async ({ read, tier }) => {
  const { fetch } = await newWorld(tier);
  const outer = (): Promise<unknown> => fetch({ field: 'Query.inner', load: loadOf(read) });
  const values = [fetch({ load: outer }), fetch({ load: () => 'committed' })];
  expect(await Promise.all(values)).toEqual(['uncommitted', 'committed']);
});

it.each(rows)('nor the error of a load that read $what (store: $tier)', async ({ read, tier }) => {
  const { fetch } = await newWorld(tier);
  const failing = async (): Promise<never> => {
    await loadOf(read)();
    throw new Error('made of uncommitted rows');
  };
  const failed = fetch({ load: failing });
  const joined = fetch({ load: () => 'committed' });
  await expect(failed).rejects.toThrow('made of uncommitted rows');
  expect(await joined).toBe('committed');
});

it('a request whose tags the load did not have does not receive a value older than their invalidation', async () => {
  const first = await newWorld();
  const second = await newWorld(first.store, { clock: first.clock, namespace: first.namespace });
  let row = 'old';
  const begun = withResolvers<void>();
  const go = withResolvers<void>();
  const load = async (): Promise<string> => {
    const read = row;
    begun.resolve();
    await go.promise;
    return read;
  };
  const untagged = first.fetch({ load });
  await begun.promise;
  row = 'new';
  await second.cache.invalidate(['products:1']);
  const tagged = first.fetch({ load, tags: ['products:1'] });
  await tick();
  go.resolve();
  expect(await untagged).toBe('old');
  expect(await tagged).toBe('new');
});

it('a lease is given back if the store was not asked to store the value', async () => {
  const { store: real } = await newWorld();
  let isFaulty = false;
  const read: Store['read'] = async (key, tags) => {
    if (isFaulty) throw new Error('unreachable');
    return await real.read(key, tags);
  };
  const world = await newWorld({ ...real, read });
  const request = {};
  const held = world.source.hold();
  const first = world.fetch({ request });
  await held.begun;
  isFaulty = true;
  await world.fetch({ request, field: 'Query.other', load: () => 'other' });
  held.give('value');
  expect(await first).toBe('value');
  await expect.poll(() => leaseState(world)).toBe('held');
});

it.each([
  ['null as options', null],
  ['null for dependsOn', { dependsOn: null }],
  ['an outcome for dependsOn', { dependsOn: { state: 'hit' } }],
])('a fetch with %s is rejected, and leaves no lease', async (_case, options) => {
  const world = await newWorld();
  const { cache } = world;
  const fetched = cache.fetch(cache.key({ field: 'Query.field' }), policy, () => 1, options as never);
  await expect(fetched).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  expect(await leaseState(world)).toBe('held');
});

function loadOf(read: () => void): () => Promise<string> {
  return async () => {
    read();
    await tick();
    return 'uncommitted';
  };
}

/** What the store says to another process that wants to load `Query.field`: `held` if no lease is left. */
async function leaseState({ store, cache }: World): Promise<string> {
  const { text } = cache.key({ field: 'Query.field' });
  const request = { stampsDigest: '', leaseMs: 60_000, rejectedEntryId: undefined, takenOver: undefined, tags: [] };
  const { state } = await store.acquire(text, { lease: 'another', ...request });
  return state;
}
