/** Deletes single values, by field and arguments. */
import { LRUCache } from 'lru-cache';
import { CacheError } from './base/errors.ts';
import { createKey, type Key, type KeyParts } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import type { InFlightLoads } from './in-flight.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import type { Revalidator } from './revalidate.ts';
import type { GuardedStore } from './store/guarded-store.ts';

/** Which of the values with the same arguments is meant; as in the key. */
export type ValueOf = Pick<KeyParts, 'parent' | 'viewer' | 'vary'>;

/** Returns the defaults of a field's arguments; undefined if the schema does not cache such a field. */
export type ArgumentDefaults = (field: string) => Readonly<Record<string, unknown>> | undefined;

/** The number of schemas whose values are found. */
const schemasMax = 16;

interface DeleterParts {
  readonly namespace: string;
  readonly guarded: Pick<GuardedStore, 'remove'>;
  readonly memory: Pick<MemoryTier, 'drop'> | undefined;
  readonly loads: Pick<InFlightLoads<unknown>, 'forgetKey'>;
  readonly revalidator: Pick<Revalidator, 'reset'>;
  readonly emit: EmitEvent;
}

export class Deleter {
  readonly #parts: DeleterParts;
  /** By digest; the oldest is forgotten first, for servers that build their schema again and again. */
  readonly #schemas = new LRUCache<string, ArgumentDefaults>({ max: schemasMax });

  constructor(parts: DeleterParts) {
    this.#parts = parts;
  }

  registerSchema(digest: string, defaultsOf: ArgumentDefaults): void {
    this.#schemas.set(digest, defaultsOf);
  }

  /**
   * @returns The number of values that were stored.
   * @throws {CacheError} `INVALID_KEY`; `STORE_UNAVAILABLE` if it is not known whether they were removed.
   */
  async delete(field: string, args: Readonly<Record<string, unknown>>, of: ValueOf): Promise<number> {
    const keys = this.#keys(field, args, of).map(({ text }) => text);
    const { guarded, memory, loads, revalidator, emit } = this.#parts;
    try {
      const keysRemoved = await guarded.remove(keys);
      emit({ type: 'delete', field, keysRemoved });
      return keysRemoved;
    } finally {
      for (const key of keys) {
        memory?.drop(key);
        loads.forgetKey(key);
      }
      revalidator.reset();
    }
  }

  /** The value of `cache.key` without a schema, and that of each schema with such a field. */
  #keys(field: string, args: Readonly<Record<string, unknown>>, of: ValueOf): Key[] {
    if (typeof of !== 'object' || of === null)
      throw new CacheError('INVALID_KEY', `${field}: the third argument of delete must be an object`);
    const { namespace } = this.#parts;
    const keys = [createKey(namespace, { field, args, ...of })];
    for (const [schemaDigest, defaultsOf] of this.#schemas) {
      const defaults = defaultsOf(field);
      if (defaults !== undefined)
        keys.push(createKey(namespace, { schemaDigest, field, args: { ...defaults, ...args }, ...of }));
    }
    return keys;
  }
}
