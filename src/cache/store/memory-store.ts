/**
 * The store of a process without Redis, bounded in bytes: the least recently used values and tokens are evicted first (a lost
 * token is a miss). Its time is the engine's clock.
 */
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { bytesRule, checkOptions, clockRule, type OptionRule } from '../base/check-options.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { checkNamespace, tokenTtlMs, type Store } from './store.ts';
import { anyEntryId } from '../entry/entry.ts';

interface Item {
  readonly text: string;
  readonly endsAtMs: number;
}

interface Lease {
  /** The token of its holder; undefined while it is open to all. */
  readonly lease: string | undefined;
  readonly stampsDigest: string;
  readonly endsAtMs: number;
}

/** More loads than a process can run at once. */
const leasesMax = 10_000;

const bytesMaxDefault = 64 * 1024 * 1024;
/** The size of an item besides its texts: map entry, list node, objects. Measured, approximately. */
const itemOverheadBytes = 200;

const rules = {
  namespace: { must: 'a text', isRight: (value) => typeof value === 'string', isRequired: true },
  bytesMax: bytesRule,
  clock: clockRule,
} as const satisfies Record<string, OptionRule>;

/**
 * Creates a store in the memory of this process.
 *
 * @param options.bytesMax Size in bytes; an eighth is reserved for tokens. A value larger than the rest is not kept; with 0, no
 *   value is. Default: 64 MiB.
 * @throws {CacheError} `INVALID_OPTIONS`; `INVALID_KEY` for a namespace that cannot begin a key.
 */
export function createMemoryStore(options: { namespace: string; bytesMax?: number; clock?: Clock }): Store {
  checkOptions('createMemoryStore', options, rules);
  const { namespace, bytesMax = bytesMaxDefault, clock = systemClock } = options;
  checkNamespace(namespace);
  const tokenBytesMax = Math.ceil(bytesMax / 8);
  const values = itemCache(bytesMax - tokenBytesMax);
  const tokens = itemCache(tokenBytesMax);

  const live = (items: LRUCache<string, Item>, key: string): Item | undefined => {
    const item = items.get(key);
    if (item === undefined || item.endsAtMs > clock.nowMs()) return item;
    items.delete(key);
    return undefined;
  };
  const tokenOf = (tag: string): string | undefined => live(tokens, tag)?.text;

  const leases = new LRUCache<string, Lease>({ max: leasesMax });
  const isHeld = (key: string, lease: string): boolean => {
    const held = leases.get(key);
    return held?.lease === lease && held.endsAtMs > clock.nowMs();
  };

  return {
    namespace,
    tier: 'memory',

    async read(key, tags) {
      const item = live(values, key);
      return {
        text: item?.text,
        remainingMs: item === undefined ? 0 : item.endsAtMs - clock.nowMs(),
        tokens: tags.map(tokenOf),
      };
    },

    async confirm(entries, tags) {
      const remainingMs = entries.map(({ key, entryId, textBytes }) => {
        const item = live(values, key);
        const isSame = item?.text.startsWith(entryId) === true && Buffer.byteLength(item.text) === textBytes;
        return isSame ? item.endsAtMs - clock.nowMs() : undefined;
      });
      return { remainingMs, tokens: tags.map(tokenOf) };
    },

    async tokens(tags) {
      return tags.map(tokenOf);
    },

    async capture(tags) {
      return tags.map((tag) => {
        const text = tokenOf(tag) ?? randomUUID();
        tokens.set(tag, { text, endsAtMs: clock.nowMs() + tokenTtlMs });
        return text;
      });
    },

    async write(key, { text, ttlMs, tags }) {
      leases.delete(key);
      values.set(key, { text, endsAtMs: clock.nowMs() + ttlMs });
      return tags.map(tokenOf);
    },

    async acquire(key, { lease, stampsDigest, leaseMs, rejectedEntryId, takenOver, tags }) {
      const item = live(values, key);
      const isNew =
        item !== undefined &&
        rejectedEntryId !== anyEntryId &&
        (rejectedEntryId === undefined || !item.text.startsWith(rejectedEntryId));
      const seen = { text: undefined, remainingMs: 0, holder: undefined, tokens: tags.map(tokenOf) };
      if (isNew) return { ...seen, state: 'value', text: item.text, remainingMs: item.endsAtMs - clock.nowMs() };
      const other = leases.get(key);
      if (other !== undefined && other.endsAtMs > clock.nowMs()) {
        if (other.lease === undefined) return { ...seen, state: 'open' };
        const isTaken = other.lease !== lease && other.lease !== takenOver;
        if (isTaken)
          return { ...seen, state: 'taken', holder: { lease: other.lease, stampsDigest: other.stampsDigest } };
      }
      leases.set(key, { lease, stampsDigest, endsAtMs: clock.nowMs() + leaseMs });
      return { ...seen, state: 'held' };
    },

    async fill(key, { lease, text, ttlMs, tags }) {
      const isStored = isHeld(key, lease);
      if (isStored) {
        values.set(key, { text, endsAtMs: clock.nowMs() + ttlMs });
        leases.delete(key);
      }
      return { isStored, tokens: tags.map(tokenOf) };
    },

    async renew(key, { lease, leaseMs }) {
      const held = leases.get(key);
      if (held !== undefined && isHeld(key, lease)) leases.set(key, { ...held, endsAtMs: clock.nowMs() + leaseMs });
    },

    async release(key, { lease, openMs }) {
      if (!isHeld(key, lease)) return;
      if (openMs === 0) leases.delete(key);
      else leases.set(key, { lease: undefined, stampsDigest: '', endsAtMs: clock.nowMs() + openMs });
    },

    async dropTokens(tags) {
      for (const tag of tags) tokens.delete(tag);
    },

    async clear() {
      const keysRemoved = countLive(values, clock);
      values.clear();
      tokens.clear();
      return keysRemoved;
    },

    async usage() {
      return { keys: countLive(values, clock), memoryUsed: values.calculatedSize + tokens.calculatedSize };
    },

    async ping() {},
    async close() {},
  };
}

function itemCache(bytesMax: number): LRUCache<string, Item> {
  return new LRUCache({
    maxSize: Math.max(1, bytesMax), // 0 would mean unbounded
    sizeCalculation: (item, key) => 2 * (item.text.length + key.length) + itemOverheadBytes,
  });
}

/** The number of values that have not expired; the others are removed. */
function countLive(items: LRUCache<string, Item>, clock: Clock): number {
  for (const [key, item] of items.entries()) if (item.endsAtMs <= clock.nowMs()) items.delete(key);
  return items.size;
}
