/** Deletes single values, by field and arguments. */
import { CacheError } from './base/errors.ts';
import type { ClassCodecs } from './entry/class-codecs.ts';
import { createKey, type Key, type KeyParts } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import type { InFlightLoads } from './in-flight.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import type { Revalidator } from './revalidate.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { traced, type OperationEnd, type Tracing } from './tracing.ts';

/** Which of the values with the same arguments is meant; as in the key. */
export type ValueOf = Pick<KeyParts, 'parent' | 'viewer' | 'vary'>;

/** The defaults of a field's arguments, by name. */
export type ArgumentDefaults = Readonly<Record<string, unknown>>;

/** The number of schemas in which the values of a field are found. */
const schemasMax = 16;

interface RegisteredSchema {
  readonly schemaDigest: string;
  readonly defaults: ArgumentDefaults;
}

interface DeleterParts {
  readonly namespace: string;
  readonly guarded: Pick<GuardedStore, 'remove'>;
  readonly memory: Pick<MemoryTier, 'drop'> | undefined;
  readonly loads: Pick<InFlightLoads<unknown>, 'forgetKey'>;
  readonly revalidator: Pick<Revalidator, 'reset'>;
  readonly emit: EmitEvent;
  readonly tracing: Tracing | undefined;
  readonly codecs: ClassCodecs;
}

export class Deleter {
  readonly #parts: DeleterParts;
  /** By field, then by `identityOf`. Only the last ones: a server may build different schemas again and again. */
  readonly #schemas = new Map<string, Map<unknown, RegisteredSchema>>();

  constructor(parts: DeleterParts) {
    this.#parts = parts;
  }

  registerSchema(digest: string, fields: ReadonlyMap<string, ArgumentDefaults>): void {
    for (const [field, defaults] of fields) {
      const schemas = this.#schemas.get(field) ?? new Map<unknown, RegisteredSchema>();
      this.#schemas.set(field, schemas);
      const identity = this.#identityOf(field, { schemaDigest: digest, defaults });
      schemas.delete(identity); // it becomes the last one
      schemas.set(identity, { schemaDigest: digest, defaults });
      const [first] = schemas.keys();
      if (schemas.size > schemasMax) schemas.delete(first);
    }
  }

  /** The same for a schema that is built again. The digest alone does not cover the defaults of arguments. */
  #identityOf(field: string, { schemaDigest, defaults }: RegisteredSchema): unknown {
    const { namespace, codecs } = this.#parts;
    try {
      return createKey(namespace, { schemaDigest, field, args: defaults }, codecs).text;
    } catch {
      return defaults; // one of them has no canonical form
    }
  }

  /**
   * @returns The number of values that were stored.
   * @throws {CacheError} `INVALID_KEY`; `STORE_UNAVAILABLE` if it is not known whether they were removed.
   */
  async delete(field: string, args: Readonly<Record<string, unknown>>, of: ValueOf): Promise<number> {
    const keys = this.keysOf(field, args, of);
    return await this.changing(keys, () => this.remove(field, keys));
  }

  /**
   * Removes the values of a field at these keys, in `changing`.
   *
   * @returns The number of values that were stored.
   * @throws {CacheError} `STORE_UNAVAILABLE`
   */
  async remove(field: string, keys: readonly Key[]): Promise<number> {
    const { guarded, emit, tracing } = this.#parts;
    const endOf = (removed: number): OperationEnd => ({ keysRemoved: removed });
    const texts = keys.map(({ text }) => text);
    const remove = (): Promise<number> => guarded.remove(texts);
    const keysRemoved = await traced(tracing, { operation: { type: 'delete', field }, endOf }, remove);
    emit({ type: 'delete', field, keysRemoved, keys: texts });
    return keysRemoved;
  }

  /** Runs `change`, which ends the loads from before in the store. No request of this process then reuses what it knows of the values. */
  async changing<T>(keys: readonly Key[], change: () => Promise<T>): Promise<T> {
    const { memory, loads, revalidator } = this.#parts;
    try {
      return await change();
    } finally {
      for (const { text } of keys) {
        memory?.drop(text);
        loads.forgetKey(text);
      }
      revalidator.reset();
    }
  }

  /** Those of the value of `cache.key` without a schema, and of each schema with such a field; each once. */
  keysOf(field: string, args: Readonly<Record<string, unknown>>, of: ValueOf): readonly Key[] {
    if (typeof of !== 'object' || of === null)
      throw new CacheError('INVALID_KEY', `${field}: the third argument of delete must be an object`);
    const { namespace, codecs } = this.#parts;
    const keys = [createKey(namespace, { ...of, field, args }, codecs)];
    const given = Object.fromEntries(Object.entries(args).filter(([, value]) => value !== undefined));
    for (const { schemaDigest, defaults } of this.#schemas.get(field)?.values() ?? []) {
      keys.push(createKey(namespace, { ...of, schemaDigest, field, args: { ...defaults, ...given } }, codecs));
    }
    return [...new Map(keys.map((key) => [key.text, key])).values()];
  }
}
