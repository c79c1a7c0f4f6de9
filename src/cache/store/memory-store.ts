/**
 * The store of a process without Redis, bounded in bytes: the least recently used values and tokens are evicted first (a lost
 * token is a miss). Its time is the engine's clock.
 */
import { randomUUID } from 'node:crypto';
import { bytesRule, checkOptions, clockRule, type OptionRule } from '../base/check-options.ts';
import { systemClock, type Clock } from '../base/clock.ts';
import { checkNamespace, textCharsMax, tokenTtlMs, type Store } from './store.ts';
import { isRejected } from '../entry/entry.ts';
import { textCharsOf, type PropertyTexts } from '../entry/properties.ts';
import { ExpiringTexts } from './expiring-texts.ts';
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

    ...leasedValues(values, tokenOf, new MemoryLeases(clock)),
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
  leases: MemoryLeases,
): Pick<Store, 'write' | 'acquire' | 'fill' | 'renew' | 'release' | 'remove' | 'readProperties' | 'replaceProperty'> {
  return {
    ...storedProperties(values, tokenOf, leases),

    async write(key, { text, properties, ttlMs, tags, changeId }) {
      if (changeId !== undefined && changeId !== leases.changeIdOf(key)) return undefined;
      leases.end(key);
      values.set(key, text, ttlMs, properties);
      return tags.map(tokenOf);
    },

    async acquire(key, request) {
      const { rejectedEntryId, isUnleased = false, tags } = request;
      const item = values.get(key);
      const isNew = item !== undefined && !isRejected(item.text, rejectedEntryId);
      const nothing = { text: undefined, remainingMs: 0, holder: undefined, changeId: '', tokens: tags.map(tokenOf) };
      return isNew && !isUnleased
        ? { ...nothing, state: 'value', ...item }
        : { ...nothing, ...leases.acquire(key, request) };
    },

    async fill(key, { lease, text, properties, ttlMs, tags }) {
      const isStored = leases.isHeld(key, lease);
      if (isStored) {
        values.set(key, text, ttlMs, properties);
        leases.end(key);
      }
      return { isStored, tokens: tags.map(tokenOf) };
    },

    async remove(keys) {
      const stored = keys.filter((key) => values.get(key) !== undefined);
      for (const key of keys) {
        values.delete(key);
        leases.changed(key);
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

/** Values whose properties are kept apart. */
function storedProperties(
  values: ExpiringTexts,
  tokenOf: (tag: string) => string | undefined,
  leases: MemoryLeases,
): Pick<Store, 'readProperties' | 'replaceProperty'> {
  return {
    async readProperties(key, tags, names) {
      const { text, remainingMs = 0 } = values.get(key) ?? {};
      const all = values.propertiesOf(key);
      const some = names === 'all' ? all : all && only(all, names);
      return { text, remainingMs, tokens: tags.map(tokenOf), ...(some === undefined ? {} : { properties: some }) };
    },

    async replaceProperty(key, { name, text, entryId }) {
      const item = values.get(key);
      const before = values.propertiesOf(key);
      if (item === undefined || before?.has(name) !== true) return false;
      const properties = new Map(before).set(name, text);
      if (item.text.length + textCharsOf(properties) > textCharsMax) return false;
      values.set(key, entryId + item.text.slice(entryId.length), item.remainingMs, properties);
      leases.changed(key);
      return true;
    },
  };
}

function only(properties: PropertyTexts, names: readonly string[]): PropertyTexts {
  return new Map(
    names.flatMap((name) => {
      const text = properties.get(name);
      return text === undefined ? [] : [[name, text] as const];
    }),
  );
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
