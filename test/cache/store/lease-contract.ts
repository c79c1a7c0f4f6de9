// The contract of the leases of a store, which src/cache/lease.ts describes.
import { describe, expect, it } from 'vitest';
import type { LeaseRequest } from '../../../src/cache/index.ts';
import { anyEntryId } from '../../../src/cache/entry/entry.ts';
import type { StoreUnderTest } from './store-contract.ts';
import { times } from '../world.ts';

const [ownLease, otherLease] = ['m'.repeat(22), 't'.repeat(22)];
const [stampsDigest, otherStampsDigest] = ['b'.repeat(22), 'o'.repeat(22)];
const request: LeaseRequest = {
  lease: ownLease,
  stampsDigest,
  leaseMs: 60_000,
  rejectedEntryId: undefined,
  takenOver: undefined,
  tags: [],
};
const other: LeaseRequest = { ...request, lease: otherLease };
const write = { lease: ownLease, text: 'value', ttlMs: 60_000, tags: [] };

function entryText(id: number): string {
  return `{"id":"${String(id).padStart(16, '0')}","value":{}}`;
}

export function describeLeases(newStore: () => Promise<StoreUnderTest>): void {
  const newLease = async (): Promise<
    StoreUnderTest & { key: string; stateOf: (of: LeaseRequest) => Promise<string> }
  > => {
    const opened = await newStore();
    const key = `${opened.namespace}:k`;
    expect(await opened.store.acquire(key, request)).toMatchObject({
      state: 'held',
      text: undefined,
      remainingMs: 0,
      holder: undefined,
    });
    return { ...opened, key, stateOf: async (of) => (await opened.store.acquire(key, of)).state };
  };

  describe('its leases', () => {
    it('go to one of many concurrent requests', async () => {
      const { store, namespace } = await newStore();
      const requests = times(50, (n) => store.acquire(`${namespace}:k`, { ...request, lease: `${n}`.padEnd(22, 'x') }));
      const states = (await Promise.all(requests)).map(({ state }) => state);
      expect(states.filter((state) => state === 'held')).toHaveLength(1);
      expect(states.filter((state) => state === 'taken')).toHaveLength(49);
    });

    it('cover one key each', async () => {
      const { store, key } = await newLease();
      expect(await store.acquire(`${key}2`, other)).toMatchObject({ state: 'held' });
    });

    it('come with the current tokens, whether the lease is held, taken, filled or free', async () => {
      const { store, key } = await newLease();
      const [a] = await store.capture(['a']);
      const tags = ['none', 'a'];
      expect((await store.acquire(key, { ...other, tags })).tokens).toEqual([undefined, a]);
      expect((await store.acquire(`${key}2`, { ...other, tags })).tokens).toEqual([undefined, a]);
      expect((await store.fill(key, { ...write, tags })).tokens).toEqual([undefined, a]);
      expect((await store.acquire(key, { ...other, tags })).tokens).toEqual([undefined, a]);
    });

    it('end when the value is removed: what was loaded before is not stored', async () => {
      const { store, key, stateOf } = await newLease();
      await store.remove([key]);
      expect((await store.fill(key, write)).isStored).toBe(false);
      expect(await stateOf(other)).toBe('held');
    });

    it('remove the value when they are released, if that is asked for and they are still held', async () => {
      const { store, key } = await newLease();
      const textOf = async (): Promise<string | undefined> => (await store.read(key, [])).text;
      await store.write(key, { text: 'old', ttlMs: 60_000, tags: [] }); // ends the lease
      await store.release(key, { lease: ownLease, openMs: 0, isRemoving: true });
      expect(await textOf()).toBe('old');
      const rejected = { ...request, rejectedEntryId: anyEntryId };
      await store.acquire(key, rejected);
      await store.release(key, { lease: ownLease, openMs: 0 });
      expect(await textOf()).toBe('old');
      await store.acquire(key, rejected);
      await store.release(key, { lease: ownLease, openMs: 60_000, isRemoving: true });
      expect(await textOf()).toBeUndefined();
      expect(await store.acquire(key, other)).toMatchObject({ state: 'open' });
    });

    it('report their holder and its stamps digest, and are taken over only if still held by the named holder', async () => {
      const { store, key, stateOf } = await newLease();
      const otherWithOtherStamps = { ...other, stampsDigest: otherStampsDigest };
      expect(await store.acquire(key, otherWithOtherStamps)).toMatchObject({
        state: 'taken',
        holder: { lease: ownLease, stampsDigest },
      });
      expect(await stateOf({ ...otherWithOtherStamps, takenOver: 'x'.repeat(22) })).toBe('taken');
      expect(await stateOf({ ...otherWithOtherStamps, takenOver: ownLease })).toBe('held');
      expect(await store.acquire(key, { ...request, takenOver: 'x'.repeat(22) })).toMatchObject({
        state: 'taken',
        holder: { lease: otherLease, stampsDigest: otherStampsDigest },
      });
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
    });

    it('report a new stamps digest after their holder has acquired them again with it', async () => {
      const { store, key, stateOf } = await newLease();
      expect(await stateOf({ ...request, stampsDigest: otherStampsDigest })).toBe('held');
      expect(await store.acquire(key, other)).toMatchObject({
        state: 'taken',
        holder: { lease: ownLease, stampsDigest: otherStampsDigest },
      });
    });

    it('expire, and a later fill is refused', async () => {
      const { store, key, stateOf, expireLease } = await newLease();
      await expireLease(key);
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
      expect((await store.read(key, ['*'])).text).toBeUndefined();
      expect(await stateOf(other)).toBe('held');
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
      expect((await store.read(key, ['*'])).text).toBeUndefined();
    });

    it('end with the fill, whose value the next request receives', async () => {
      const { store, key, stateOf } = await newLease();
      expect(await store.fill(key, write)).toEqual({ isStored: true, tokens: [] });
      const { text, remainingMs } = await store.acquire(key, other);
      expect(text).toBe('value');
      expect(remainingMs).toBeGreaterThan(30_000);
      expect(remainingMs).toBeLessThanOrEqual(60_000);
      expect(await store.fill(key, { ...write, text: 'again' })).toMatchObject({ isStored: false });
      expect(await stateOf({ ...other, rejectedEntryId: '*' })).toBe('held');
    });

    it.each([
      ['by its beginning', 'val'],
      ['because it is not an entry', anyEntryId],
    ])('do not return a value that the request has rejected %s', async (_, rejectedEntryId) => {
      const { store, key, stateOf } = await newLease();
      await store.fill(key, write);
      expect(await stateOf({ ...request, rejectedEntryId })).toBe('held');
      expect(await stateOf({ ...other, rejectedEntryId })).toBe('taken');
      await store.fill(key, { ...write, text: 'new value' });
      expect(await store.acquire(key, { ...other, rejectedEntryId })).toMatchObject(
        rejectedEntryId === anyEntryId ? { state: 'held' } : { state: 'value', text: 'new value' },
      );
    });

    it('return an entry to a request that has rejected what is not an entry', async () => {
      const { store, key } = await newLease();
      const text = `{"id":"${'a'.repeat(16)}"}`;
      await store.fill(key, { ...write, text });
      expect(await store.acquire(key, { ...other, rejectedEntryId: anyEntryId })).toMatchObject({
        state: 'value',
        text,
      });
    });

    it('are never given between the end of another one and the value that was stored under it', async () => {
      const { store, namespace } = await newStore();
      for (const n of times(50, Number)) {
        const key = `${namespace}:k${n}`;
        await store.acquire(key, request);
        const calls = [store.fill(key, write), store.acquire(key, other)] as const;
        const [{ isStored }, { state }] = await Promise.all(calls);
        expect([isStored, ['taken', 'value'].includes(state)]).toEqual([true, true]);
      }
    });

    it('last longer if their holder renews them', async () => {
      const { store, key, stateOf, passes } = await newLease();
      await passes(key, 50_000);
      await store.renew(key, { lease: ownLease, leaseMs: 60_000 });
      await passes(key, 50_000);
      expect(await stateOf(other)).toBe('taken');
      await passes(key, 10_000);
      expect(await stateOf(other)).toBe('held');
      await store.renew(key, { lease: ownLease, leaseMs: 600_000 });
      await passes(key, 60_000);
      expect(await stateOf(request)).toBe('held');
    });

    it('are free after their holder has released them, which no other request can do', async () => {
      const { store, key, stateOf } = await newLease();
      await store.release(key, { lease: otherLease, openMs: 0 });
      expect(await stateOf(other)).toBe('taken');
      await store.release(key, { lease: ownLease, openMs: 0 });
      expect(await stateOf(other)).toBe('held');
    });

    it('are open to all requests for a while if their holder releases them as open', async () => {
      const { store, key, stateOf, passes } = await newLease();
      await store.release(key, { lease: otherLease, openMs: 60_000 });
      expect(await stateOf(other)).toBe('taken');
      await store.release(key, { lease: ownLease, openMs: 60_000 });
      expect(await stateOf(other)).toBe('open');
      expect(await stateOf({ ...other, stampsDigest: otherStampsDigest })).toBe('open');
      expect(await store.fill(key, write)).toMatchObject({ isStored: false });
      await passes(key, 60_000);
      expect(await stateOf(other)).toBe('held');
    });

    it('are not needed by a refresh, which may load whoever holds one, and although there is a value', async () => {
      const { store, key, stateOf } = await newLease();
      expect(await stateOf({ ...other, isUnleased: true })).toBe('open');
      expect(await store.fill(key, write)).toMatchObject({ isStored: true });
      expect(await store.acquire(key, { ...other, isUnleased: true })).toMatchObject({
        state: 'open',
        text: undefined,
      });
    });

    it('a load without one is stored, unless the key was changed by `remove` or `replaceProperty` meanwhile', async () => {
      const { store, key } = await newLease();
      const changeIdNow = async (): Promise<string | undefined> =>
        (await store.acquire(key, { ...other, isUnleased: true })).changeId;
      const unleased = { text: entryText(1), properties: new Map([['a', '1']]), ttlMs: 60_000, tags: [] };
      const entryId = entryText(2).slice(0, 24);
      const changes = [
        async () => store.remove([key]),
        async () => store.replaceProperty?.(key, { name: 'a', text: '2', entryId }),
      ];
      for (const properties of [unleased.properties, undefined]) {
        for (const change of changes) {
          const before = await changeIdNow();
          expect(before).toBeTypeOf('string');
          await store.write(key, unleased);
          expect(await changeIdNow()).toBe(before); // another load has stored: the one that ends last counts
          expect(await store.write(key, { ...unleased, properties, changeId: before })).toEqual([]);
          await store.write(key, unleased);
          await change();
          const { text } = await store.read(key, []);
          expect(
            await store.write(key, { ...unleased, text: entryText(3), properties, changeId: before }),
          ).toBeUndefined();
          expect((await store.read(key, [])).text).toBe(text);
          expect(await store.write(key, { ...unleased, properties, changeId: await changeIdNow() })).toEqual([]);
        }
      }
    });

    it('tell whether their key was changed lately, with the same id as for a load without one', async () => {
      const { store, key } = await newLease();
      const changeIdOf = async (asked: LeaseRequest): Promise<string | undefined> =>
        (await store.acquire(key, asked)).changeId;
      expect(await changeIdOf(request)).toBe('');
      await store.remove([key]);
      const changeId = await changeIdOf(other);
      expect(changeId).toMatch(/./);
      expect(await changeIdOf({ ...request, isUnleased: true })).toBe(changeId);
    });

    it('are not counted as values, and end when a write without the lease stores a newer value', async () => {
      const { store, key, stateOf } = await newLease();
      expect((await store.usage()).keys).toBe(0);
      await store.write(key, { text: 'written', ttlMs: 60_000, tags: [] });
      expect(await store.clear()).toBe(1);
      expect(await stateOf(other)).toBe('held');
    });
  });
}
