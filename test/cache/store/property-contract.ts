// The part of the contract that concerns values whose properties are stored apart.
import { describe, expect, it } from 'vitest';
import type { Store, StoreRead } from '../../../src/cache/index.ts';
import { times } from '../world.ts';
import type { StoreUnderTest } from './store-contract.ts';

const texts = new Map([
  ['name', '"Kestrel"'],
  ['stock', '12'],
]);
const lease = 'a'.repeat(22);

/** The text of an entry with this id. */
function entry(id: number | string): string {
  return `{"id":"${String(id).padStart(16, '0')}","value":{}}`;
}

export function describeProperties(newStore: () => Promise<StoreUnderTest>): void {
  const open = async (): Promise<
    StoreUnderTest & Required<Store> & { key: string; holdLease: () => Promise<void> }
  > => {
    const opened = await newStore();
    const { readProperties, replaceProperty } = opened.store;
    if (readProperties === undefined || replaceProperty === undefined) throw new Error('the store keeps no properties');
    const key = `${opened.namespace}:a`;
    const request = { lease, stampsDigest: '', leaseMs: 60_000, takenOver: undefined, tags: [] };
    /** Takes the lease to replace the entry with this id. */
    const holdLease = async (id = 1): Promise<void> => {
      const rejectedEntryId = entry(id).slice(0, 24);
      expect(await opened.store.acquire(key, { ...request, rejectedEntryId })).toMatchObject({ state: 'held' });
    };
    return { ...(opened.store as Required<Store>), ...opened, key, holdLease };
  };
  const write = { text: entry(1), properties: texts, ttlMs: 60_000, tags: [] };

  describe('properties', () => {
    it('are returned with the value: all, some, or none of them', async () => {
      const { store, key, readProperties } = await open();
      const [token] = await store.capture(['t']);
      await store.write(key, write);
      const read = await readProperties(key, ['t'], 'all');
      expect(read).toMatchObject({ text: entry(1), tokens: [token], properties: texts });
      expect(read.remainingMs).toBeGreaterThan(30_000);
      expect((await readProperties(key, [], ['stock', 'none'])).properties).toEqual(new Map([['stock', '12']]));
      expect((await readProperties(key, [], [])).properties).toEqual(new Map());
      expect(await store.read(key, [])).toMatchObject({ text: entry(1) });
    });

    it('have any name and any text', async () => {
      const { store, key, readProperties } = await open();
      const names = [
        '',
        '!',
        '!id',
        '!!id',
        'id',
        '__proto__',
        'constructor',
        'a b',
        '🪴',
        'toString',
        '"',
        '1',
        '\ufffd',
        '!\ufffd',
        '?',
      ];
      const properties = new Map(names.map((name, index) => [name, `"\0 é🪴\r\n${index}"`]));
      await store.write(key, { ...write, properties });
      expect((await readProperties(key, [], 'all')).properties).toEqual(properties);
      expect((await readProperties(key, [], names)).properties).toEqual(properties);
      expect((await readProperties(key, [], ['\ud800', '!\ud800'])).properties).toEqual(new Map());
    });

    it('are two thousand at most, and more names may be requested', async () => {
      const { store, key, readProperties } = await open();
      const properties = new Map(times(2_000, (index) => [`p${index}`, '"x"']));
      await store.write(key, { ...write, properties });
      expect((await readProperties(key, [], 'all')).properties).toEqual(properties);
      const names = times(9_000, (index) => `p${index}`);
      expect((await readProperties(key, [], names)).properties?.get('p1999')).toBe('"x"');
    });

    it('are those of the value that was stored last, which may have none', async () => {
      const { store, key, readProperties } = await open();
      await store.write(key, write);
      await store.write(key, { ...write, text: entry(2), properties: new Map([['price', '1']]) });
      expect((await readProperties(key, [], 'all')).properties).toEqual(new Map([['price', '1']]));
      await store.write(key, { text: entry(3), ttlMs: 60_000, tags: [] });
      const read = await readProperties(key, [], ['price']);
      expect([read.text, read.properties]).toEqual([entry(3), undefined]);
    });

    it('expire with their value', async () => {
      const { store, key, expire, readProperties } = await open();
      await store.write(key, write);
      await expire(key);
      expect(await readProperties(key, ['t'], 'all')).toEqual({ text: undefined, remainingMs: 0, tokens: [undefined] });
      expect(await readProperties(`${key}:none`, [], ['a'])).toEqual({ text: undefined, remainingMs: 0, tokens: [] });
    });

    it('are stored under a lease only while it is held', async () => {
      const { store, key, holdLease, readProperties } = await open();
      expect(await store.fill(key, { ...write, lease })).toMatchObject({ isStored: false });
      expect((await readProperties(key, [], 'all')).text).toBeUndefined();
      await holdLease();
      expect(await store.fill(key, { ...write, lease })).toMatchObject({ isStored: true });
      expect((await readProperties(key, [], 'all')).properties).toEqual(texts);
      expect(await store.fill(key, { ...write, lease })).toMatchObject({ isStored: false });
    });

    it('are removed with their value, which counts as one', async () => {
      const { store, key, holdLease, readProperties } = await open();
      const isGone = async (): Promise<boolean> => {
        await store.write(key, { text: entry(1), ttlMs: 60_000, tags: [] });
        return (await readProperties(key, [], 'all')).properties === undefined;
      };
      await store.write(key, write);
      expect((await store.usage()).keys).toBe(1);
      expect(await store.remove([key])).toBe(1);
      expect(await isGone()).toBe(true);
      await store.write(key, write);
      expect(await store.clear()).toBe(1);
      expect(await isGone()).toBe(true);
      await store.write(key, write);
      await holdLease();
      await store.release(key, { lease, openMs: 0, isRemoving: true });
      expect(await isGone()).toBe(true);
    });
  });

  describe('replacing a property', () => {
    const replacement = { name: 'stock', text: '11', entryId: entry(2).slice(0, 24) };

    it('gives the entry another id, and leaves the rest and its remaining life as they are', async () => {
      const { store, key, readProperties, replaceProperty } = await open();
      await store.write(key, { ...write, ttlMs: 1_000_000 });
      expect(await replaceProperty(key, replacement)).toBe(true);
      const { text, remainingMs, properties } = await readProperties(key, [], 'all');
      expect([text, [...(properties ?? [])]]).toEqual([
        entry(2),
        [
          ['name', '"Kestrel"'],
          ['stock', '11'],
        ],
      ]);
      expect(remainingMs).toBeGreaterThan(900_000);
      expect(remainingMs).toBeLessThanOrEqual(1_000_000);
    });

    it('ends the lease of the key, so that a load that began before is not stored', async () => {
      const { store, key, holdLease, replaceProperty } = await open();
      await store.write(key, write);
      await holdLease();
      expect(await replaceProperty(key, replacement)).toBe(true);
      expect(await store.fill(key, { ...write, lease })).toMatchObject({ isStored: false });
    });

    it('changes nothing without a value, or if it has no such property', async () => {
      const { store, key, expire, readProperties, replaceProperty } = await open();
      expect(await replaceProperty(key, replacement)).toBe(false);
      expect((await readProperties(key, [], 'all')).text).toBeUndefined();
      await store.write(key, write);
      for (const name of ['none', 'id', '!id', '__proto__', ''])
        expect(await replaceProperty(key, { ...replacement, name })).toBe(false);
      expect(await readProperties(key, [], 'all')).toMatchObject({ text: entry(1), properties: texts });
      await expire(key);
      expect(await replaceProperty(key, replacement)).toBe(false);
      expect((await readProperties(key, [], 'all')).text).toBeUndefined();
      await store.write(key, { text: entry(4), ttlMs: 60_000, tags: [] });
      expect(await replaceProperty(key, replacement)).toBe(false);
      expect((await readProperties(key, [], 'all')).text).toBe(entry(4));
    });

    it('does not let a value grow beyond the longest one', async () => {
      const { store, key, readProperties, replaceProperty } = await open();
      const half = new Map([...texts, ['note', 'x'.repeat(6_000_000)]]);
      await store.write(key, { ...write, properties: half });
      expect(await replaceProperty(key, { ...replacement, text: 'x'.repeat(7_000_000) })).toBe(false);
      const { text, properties } = (await readProperties(key, [], ['stock'])) satisfies StoreRead;
      expect([text, properties?.get('stock')]).toEqual([entry(1), '12']);
      await store.clear();
    });
  });
}
