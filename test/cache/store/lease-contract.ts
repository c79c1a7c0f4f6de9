// What every store promises about leases: see src/cache/lease.ts.
import { describe, expect, it } from 'vitest';
import type { LeaseRequest } from '../../../src/cache/index.ts';
import type { StoreUnderTest } from './store-contract.ts';
import { times } from '../world.ts';

const [mine, theirs] = ['m'.repeat(22), 't'.repeat(22)];
const [stampsDigest, otherBasis] = ['b'.repeat(22), 'o'.repeat(22)];
const request: LeaseRequest = {
  lease: mine,
  stampsDigest,
  leaseMs: 60_000,
  rejectedEntryId: undefined,
  takenOver: undefined,
  tags: [],
};
const other: LeaseRequest = { ...request, lease: theirs };
const write = { lease: mine, text: 'value', ttlMs: 60_000, tags: [] };

export function describeLeases(newStore: () => Promise<StoreUnderTest>): void {
  const newLease = async (): Promise<
    StoreUnderTest & { key: string; stateOf: (of: LeaseRequest) => Promise<string> }
  > => {
    const opened = await newStore();
    const key = `${opened.namespace}:k`;
    expect(await opened.store.acquire(key, request)).toMatchObject({ state: 'held', text: undefined });
    return { ...opened, key, stateOf: async (of) => (await opened.store.acquire(key, of)).state };
  };

  describe('its leases', () => {
    it('go to one of many who ask at once', async () => {
      const { store, namespace } = await newStore();
      const asking = times(50, (n) => store.acquire(`${namespace}:k`, { ...request, lease: `${n}`.padEnd(22, 'x') }));
      const states = (await Promise.all(asking)).map(({ state }) => state);
      expect(states.filter((state) => state === 'held')).toHaveLength(1);
      expect(states.filter((state) => state === 'taken')).toHaveLength(49);
    });

    it('are of one key each', async () => {
      const { store, key } = await newLease();
      expect(await store.acquire(`${key}2`, other)).toMatchObject({ state: 'held' });
    });

    it('say the tokens as they stand, whoever has them', async () => {
      const { store, key } = await newLease();
      const [a] = await store.capture(['a']);
      const tags = ['none', 'a'];
      expect((await store.acquire(key, { ...other, tags })).tokens).toEqual([undefined, a]);
      expect((await store.acquire(`${key}2`, { ...other, tags })).tokens).toEqual([undefined, a]);
      expect((await store.fill(key, { ...write, tags })).tokens).toEqual([undefined, a]);
      expect((await store.acquire(key, { ...other, tags })).tokens).toEqual([undefined, a]);
    });

    it('say whose they are and what his load stands on, and are taken over where they are still those', async () => {
      const { store, key, stateOf } = await newLease();
      const mineOnOther = { ...other, stampsDigest: otherBasis };
      expect(await store.acquire(key, mineOnOther)).toMatchObject({
        state: 'taken',
        holder: { lease: mine, stampsDigest },
      });
      expect(await stateOf({ ...mineOnOther, takenOver: 'x'.repeat(22) })).toBe('taken');
      expect(await stateOf({ ...mineOnOther, takenOver: mine })).toBe('held');
      expect(await store.acquire(key, { ...request, takenOver: 'x'.repeat(22) })).toMatchObject({
        state: 'taken',
        holder: { lease: theirs, stampsDigest: otherBasis },
      });
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
    });

    it('stand on something else when their holder says so', async () => {
      const { store, key, stateOf } = await newLease();
      expect(await stateOf({ ...request, stampsDigest: otherBasis })).toBe('held');
      expect(await store.acquire(key, other)).toMatchObject({
        state: 'taken',
        holder: { lease: mine, stampsDigest: otherBasis },
      });
    });

    it('end when their time is over, and a fill that comes after that is refused', async () => {
      const { store, key, stateOf, expireLease } = await newLease();
      await expireLease(key);
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
      expect((await store.read(key, ['*'])).text).toBeUndefined();
      expect(await stateOf(other)).toBe('held');
      expect(await store.fill(key, write)).toEqual({ isStored: false, tokens: [] });
      expect((await store.read(key, ['*'])).text).toBeUndefined();
    });

    it('end with the fill, which is what the next one gets', async () => {
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
      ['by its head', 'val'],
      ['whatever it is', '*'],
    ])('do not give the value that was seen, %s', async (_, head) => {
      const { store, key, stateOf } = await newLease();
      await store.fill(key, write);
      expect(await stateOf({ ...request, rejectedEntryId: head })).toBe('held');
      expect(await stateOf({ ...other, rejectedEntryId: head })).toBe('taken');
      await store.fill(key, { ...write, text: 'new value' });
      expect(await store.acquire(key, { ...other, rejectedEntryId: head })).toMatchObject(
        head === '*' ? { state: 'held' } : { state: 'value', text: 'new value' },
      );
    });

    it('live on where they are renewed by their holder', async () => {
      const { store, key, stateOf, passes } = await newLease();
      await passes(key, 50_000);
      await store.renew(key, { lease: mine, leaseMs: 60_000 });
      await passes(key, 50_000);
      expect(await stateOf(other)).toBe('taken');
      await passes(key, 10_000);
      expect(await stateOf(other)).toBe('held');
      await store.renew(key, { lease: mine, leaseMs: 600_000 });
      await passes(key, 60_000);
      expect(await stateOf(request)).toBe('held');
    });

    it('are free when their holder gives them back, and nobody else can', async () => {
      const { store, key, stateOf } = await newLease();
      await store.release(key, { lease: theirs, openMs: 0 });
      expect(await stateOf(other)).toBe('taken');
      await store.release(key, { lease: mine, openMs: 0 });
      expect(await stateOf(other)).toBe('held');
    });

    it('are open to all for a while where their holder says so', async () => {
      const { store, key, stateOf, passes } = await newLease();
      await store.release(key, { lease: theirs, openMs: 60_000 });
      expect(await stateOf(other)).toBe('taken');
      await store.release(key, { lease: mine, openMs: 60_000 });
      expect(await stateOf(other)).toBe('open');
      expect(await stateOf({ ...other, stampsDigest: otherBasis })).toBe('open');
      expect(await store.fill(key, write)).toMatchObject({ isStored: false });
      await passes(key, 60_000);
      expect(await stateOf(other)).toBe('held');
    });

    it('are not counted, and end where a value is written past them, which began later', async () => {
      const { store, key, stateOf } = await newLease();
      expect((await store.usage()).keys).toBe(0);
      await store.write(key, { text: 'written', ttlMs: 60_000, tags: [] });
      expect(await store.clear()).toBe(1);
      expect(await stateOf(other)).toBe('held');
    });
  });
}
