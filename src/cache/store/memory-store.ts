/**
 * The store of a process without Redis, bounded in bytes: the least recently used values and tokens are evicted first (a lost
 * token is a miss). Its time is the engine's clock.
 */
import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { bytesRule, checkOptions, clockRule, type OptionRule } from '../base/check-options.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { checkNamespace, tokenTtlMs, type Store } from './store.ts';
import { isRejected } from '../entry/entry.ts';
import { MemoryLeases } from './memory-leases.ts';

const bytesMaxDefault = 64 * 1024 * 1024;

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
  const values = new ExpiringTexts(bytesMax - tokenBytesMax, clock);
  const tokens = new ExpiringTexts(tokenBytesMax, clock);
  const tokenOf = (tag: string): string | undefined => tokens.get(tag)?.text;
  return {
    namespace,
    tier: 'memory',

    async read(key, tags) {
      const { text, remainingMs = 0 } = values.get(key) ?? {};
      return { text, remainingMs, tokens: tags.map(tokenOf) };
    },

    async confirm(entries, tags) {
      const remainingMs = entries.map(({ key, entryId, textBytes }) => {
        const item = values.get(key);
        const isSame = item?.text.startsWith(entryId) === true && Buffer.byteLength(item.text) === textBytes;
        return isSame ? item.remainingMs : undefined;
      });
      return { remainingMs, tokens: tags.map(tokenOf) };
    },

    async tokens(tags) {
      return tags.map(tokenOf);
    },

    async capture(tags) {
      return tags.map((tag) => {
        const text = tokenOf(tag) ?? randomUUID();
        tokens.set(tag, text, tokenTtlMs);
        return text;
      });
    },

    ...leasedValues(values, tokenOf, clock),
    ...keptTexts(),

    async dropTokens(tags) {
      for (const tag of tags) tokens.delete(tag);
    },

    async clear() {
      const keysRemoved = values.count();
      values.clear();
      tokens.clear();
      return keysRemoved;
    },

    async usage() {
      return { keys: values.count(), memoryUsed: values.bytes + tokens.bytes };
    },

    async ping() {},
    async close() {},
  };
}

/** What stores a value, with and without a lease. */
function leasedValues(
  values: ExpiringTexts,
  tokenOf: (tag: string) => string | undefined,
  clock: Clock,
): Pick<Store, 'write' | 'acquire' | 'fill' | 'renew' | 'release' | 'remove'> {
  const leases = new MemoryLeases(clock);
  return {
    async write(key, { text, ttlMs, tags }) {
      leases.end(key);
      values.set(key, text, ttlMs);
      return tags.map(tokenOf);
    },

    async acquire(key, request) {
      const { rejectedEntryId, tags } = request;
      const item = values.get(key);
      const isNew = item !== undefined && !isRejected(item.text, rejectedEntryId);
      const nothing = { text: undefined, remainingMs: 0, holder: undefined, tokens: tags.map(tokenOf) };
      return isNew ? { ...nothing, state: 'value', ...item } : { ...nothing, ...leases.acquire(key, request) };
    },

    async fill(key, { lease, text, ttlMs, tags }) {
      const isStored = leases.isHeld(key, lease);
      if (isStored) {
        values.set(key, text, ttlMs);
        leases.end(key);
      }
      return { isStored, tokens: tags.map(tokenOf) };
    },

    async remove(keys) {
      const stored = keys.filter((key) => values.get(key) !== undefined);
      for (const key of keys) {
        values.delete(key);
        leases.end(key);
      }
      return stored.length;
    },

    async renew(key, { lease, leaseMs }) {
      leases.renew(key, lease, leaseMs);
    },

    async release(key, { lease, openMs, isRemoving }) {
      if (isRemoving === true && leases.isHeld(key, lease)) values.delete(key);
      leases.release(key, lease, openMs);
    },
  };
}

interface Item {
  readonly text: string;
  readonly endsAtMs: number;
}

/** The size of an item besides its texts: map entry, list node, objects. Measured, approximately. */
const itemOverheadBytes = 200;

/** Texts by key, each for a limited time, bounded in bytes: the least recently used are evicted first. */
class ExpiringTexts {
  readonly #items: LRUCache<string, Item>;
  readonly #clock: Clock;

  constructor(bytesMax: number, clock: Clock) {
    this.#clock = clock;
    this.#items = new LRUCache({
      maxSize: Math.max(1, bytesMax), // 0 would mean unbounded
      sizeCalculation: (item, key) => 2 * (item.text.length + key.length) + itemOverheadBytes,
    });
  }

  get(key: string): { readonly text: string; readonly remainingMs: number } | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    const remainingMs = item.endsAtMs - this.#clock.nowMs();
    if (remainingMs > 0) return { text: item.text, remainingMs };
    this.#items.delete(key);
    return undefined;
  }

  set(key: string, text: string, lifeMs: number): void {
    this.#items.set(key, { text, endsAtMs: this.#clock.nowMs() + lifeMs });
  }

  delete(key: string): void {
    this.#items.delete(key);
  }

  clear(): void {
    this.#items.clear();
  }

  /** The number of texts that have not expired; the others are removed. */
  count(): number {
    for (const [key, { endsAtMs }] of this.#items.entries()) {
      if (endsAtMs <= this.#clock.nowMs()) this.#items.delete(key);
    }
    return this.#items.size;
  }

  get bytes(): number {
    return this.#items.calculatedSize;
  }
}

function keptTexts(): Pick<Store, 'getData' | 'setData'> {
  const texts = new Map<string, string>();
  return {
    async getData(name) {
      return texts.get(name);
    },

    async setData(name, text) {
      texts.set(name, text);
    },
  };
}
