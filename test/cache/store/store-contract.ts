// The contract of a store, which every implementation is tested against.
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Store } from '../../../src/cache/index.ts';
import { describeLeases } from './lease-contract.ts';
import { describeProperties } from './property-contract.ts';
import { times } from '../world.ts';

export interface StoreUnderTest {
  readonly store: Store;
  readonly namespace: string;
  /** Makes the value at `key` expire, whose TTL is 60 s. Others may expire with it. */
  readonly expire: (key: string) => Promise<void>;
  /** Makes the lease of `key` expire. */
  readonly expireLease: (key: string) => Promise<void>;
  /** Shortens the remaining life of the lease of `key` by `ms`. */
  readonly passes: (key: string, ms: number) => Promise<void>;
}

/** @param open Opens a store with a namespace that no other test uses. */
export function describeStore(tier: Store['tier'], open: () => Promise<StoreUnderTest>): void {
  const newStore = async (): Promise<StoreUnderTest> => {
    const opened = await open();
    onTestFinished(() => opened.store.close());
    return opened;
  };

  describe(`the ${tier} store`, () => {
    it('reports its tier', async () => {
      const { store } = await newStore();
      expect(store.tier).toBe(tier);
    });

    it('returns no text and no tokens for an unknown key and unknown tags', async () => {
      const { store, namespace } = await newStore();
      expect(await store.read(`${namespace}:a`, ['*', 'x'])).toEqual({
        text: undefined,
        remainingMs: 0,
        tokens: [undefined, undefined],
      });
    });

    it.each([
      ['plain text', 'text'],
      ['the empty text', ''],
      ['a NUL, quotes, emoji and line ends', '\0"\r\n🪴é\u2028'],
      ['a megabyte', 'x'.repeat(1 << 20)],
    ])('returns %s as it was written, with its remaining life', async (_, text) => {
      const { store, namespace } = await newStore();
      await store.write(`${namespace}:a`, { text: text, ttlMs: 60_000, tags: [] });
      const read = await store.read(`${namespace}:a`, ['*']);
      expect(read.text).toBe(text);
      expect(read.remainingMs).toBeGreaterThan(30_000);
      expect(read.remainingMs).toBeLessThanOrEqual(60_000);
    });

    it('keeps texts beside the values, which are not counted and outlive `clear`', async () => {
      const { store } = await newStore();
      expect(await store.getData('feed:a')).toBeUndefined();
      await store.setData('feed:a', '0/1');
      await store.setData('feed:a', '0/2');
      expect(await store.usage()).toMatchObject({ keys: 0 });
      expect(await store.clear()).toBe(0);
      expect([await store.getData('feed:a'), await store.getData('feed:b')]).toEqual(['0/2', undefined]);
    });

    it('replaces both the value and its TTL on the next write', async () => {
      const { store, namespace } = await newStore();
      await store.write(`${namespace}:a`, { text: 'old', ttlMs: 86_400_000, tags: [] });
      await store.write(`${namespace}:a`, { text: 'new', ttlMs: 1_000_000, tags: [] });
      const { text, remainingMs } = await store.read(`${namespace}:a`, ['*']);
      expect(text).toBe('new');
      expect(remainingMs).toBeLessThanOrEqual(1_000_000);
    });

    it('confirms the entries that are still stored, and returns the current tokens', async () => {
      const { store, namespace, expire } = await newStore();
      const [key, tags] = [`${namespace}:a`, ['t', 'none']];
      const [token] = await store.capture(['t']);
      const confirmed = async (text: string, entryId: string): Promise<boolean> => {
        const entries = [{ key, entryId, textBytes: Buffer.byteLength(text) }];
        const { remainingMs, tokens } = await store.confirm([...entries, ...entries], tags);
        expect(tokens).toEqual([token, undefined]);
        expect(remainingMs.map((life) => life !== undefined && life > 30_000 && life <= 60_000)).toEqual(
          Array(2).fill(remainingMs[0] !== undefined),
        );
        return remainingMs[0] !== undefined;
      };
      expect(await confirmed('älter', 'ä')).toBe(false);
      await store.write(key, { text: 'älter', ttlMs: 60_000, tags: [] });
      expect(await confirmed('älter', 'ä')).toBe(true);
      expect(await confirmed('älter', 'älter')).toBe(true);
      expect(await confirmed('älter', 'b')).toBe(false);
      expect(await confirmed('älter und länger', 'ä')).toBe(false);
      expect(await confirmed('alter', 'ä')).toBe(false);
      await expire(key);
      expect(await confirmed('älter', 'ä')).toBe(false);
    });

    it('removes values, and returns the number of those that had not expired', async () => {
      const { store, namespace, expire } = await newStore();
      const keys = ['a', 'b', 'c', 'd'].map((name) => `${namespace}:${name}`);
      const value = { text: 'text', ttlMs: 60_000, tags: [] };
      await store.write(keys[2] ?? '', value);
      await expire(keys[2] ?? '');
      for (const key of keys.slice(0, 2)) await store.write(key, value);
      expect(await store.remove([keys[0] ?? '', keys[2] ?? '', keys[3] ?? ''])).toBe(1);
      const texts = await Promise.all(keys.map(async (key) => (await store.read(key, [])).text));
      expect(texts).toEqual([undefined, 'text', undefined, undefined]);
      expect(await store.remove([])).toBe(0);
    });

    it('returns empty lists for an empty confirmation', async () => {
      const { store } = await newStore();
      expect(await store.confirm([], [])).toEqual({ remainingMs: [], tokens: [] });
    });

    it('neither returns nor counts a value after its TTL', async () => {
      const { store, namespace, expire } = await newStore();
      await store.write(`${namespace}:a`, { text: 'text', ttlMs: 60_000, tags: [] });
      await expire(`${namespace}:a`);
      expect(await store.read(`${namespace}:a`, ['*'])).toMatchObject({ text: undefined, remainingMs: 0 });
      expect((await store.usage()).keys).toBe(0);
      expect(await store.clear()).toBe(0);
      await store.write(`${namespace}:b`, { text: 'text', ttlMs: 60_000, tags: [] });
      await expire(`${namespace}:b`);
      expect(await store.clear()).toBe(0);
    });

    it('returns the tokens of its tags for a value that is written or filled', async () => {
      const { store, namespace } = await newStore();
      const [a] = await store.capture(['a']);
      const value = { text: 'text', ttlMs: 60_000, tags: ['none', 'a'] };
      expect(await store.write(`${namespace}:k`, value)).toEqual([undefined, a]);
      await store.dropTokens(['a']);
      expect(await store.write(`${namespace}:k`, value)).toEqual([undefined, undefined]);
    });

    it('creates each token once, and returns tokens in the order of the requested tags', async () => {
      const { store, namespace } = await newStore();
      const [a, b] = await store.capture(['a', 'b']);
      expect(a).toBeTypeOf('string');
      expect(b).not.toBe(a);
      expect(await store.capture(['b', 'c', 'a'])).toMatchObject([b, expect.any(String), a]);
      expect((await store.read(`${namespace}:k`, ['b', 'none', 'a'])).tokens).toEqual([b, undefined, a]);
      expect(await store.tokens(['b', 'none', 'a'])).toEqual([b, undefined, a]);
    });

    it('returns one token to concurrent captures of the same tag', async () => {
      const { store } = await newStore();
      const captured = await Promise.all(times(50, () => store.capture(['a'])));
      expect(new Set(captured.map(([token]) => token)).size).toBe(1);
    });

    it('never returns a dropped token again, and keeps the others', async () => {
      const { store, namespace } = await newStore();
      const [a, b] = await store.capture(['a', 'b']);
      await store.dropTokens(['a', 'never seen']);
      expect((await store.read(`${namespace}:k`, ['a', 'b'])).tokens).toEqual([undefined, b]);
      expect(await store.tokens(['a', 'b'])).toEqual([undefined, b]);
      const tokens = [a];
      for (const _ of times(50, Number)) {
        tokens.push(...(await store.capture(['a'])));
        await store.dropTokens(['a']);
      }
      expect(new Set(tokens).size).toBe(51);
      expect(Math.min(...tokens.map((token = '') => token.length))).toBeGreaterThanOrEqual(22);
    });

    it('accepts any text as a tag', async () => {
      const { store } = await newStore();
      const tags = ['*', 'a b', 'a:b', 'a*', '[a]', '🪴', '__proto__', 'constructor', '\n'];
      const tokens = await store.capture(tags);
      expect(new Set(tokens).size).toBe(tags.length);
      expect(await store.capture(tags)).toEqual(tokens);
    });

    it('removes values and tokens on clear, and returns the number of values only', async () => {
      const { store, namespace } = await newStore();
      await store.capture(['a', 'b', 'c']);
      for (const index of times(1_200, Number))
        await store.write(`${namespace}:q:${index}`, { text: 'text', ttlMs: 60_000, tags: [] });
      expect((await store.usage()).keys).toBe(1_200);
      expect(await store.clear()).toBe(1_200);
      expect(await store.read(`${namespace}:q:7`, ['a'])).toEqual({
        text: undefined,
        remainingMs: 0,
        tokens: [undefined],
      });
      expect((await store.usage()).keys).toBe(0);
      expect(await store.clear()).toBe(0);
    });

    it('reports its memory usage, which grows by the size of a large value', async () => {
      const { store, namespace } = await newStore();
      const before = (await store.usage()).memoryUsed;
      await store.write(`${namespace}:a`, { text: 'x'.repeat(3 << 20), ttlMs: 60_000, tags: [] });
      expect((await store.usage()).memoryUsed - before).toBeGreaterThan(2 << 20);
      await store.clear();
    });

    describeLeases(newStore);
    describeProperties(newStore);

    it('replies to a ping', async () => {
      const { store } = await newStore();
      await expect(store.ping()).resolves.toBeUndefined();
    });
  });
}
