/** Replaces single properties of stored values. */
import { received } from './base/check-options.ts';
import { CacheError } from './base/errors.ts';
import type { Deleter, ValueOf } from './deleter.ts';
import type { ClassCodecs } from './entry/class-codecs.ts';
import { encodeValue } from './entry/codec.ts';
import { newEntryId } from './entry/entry.ts';
import { ignorePromisesIn } from './entry/ignored-promises.ts';
import type { Key, KeyParts } from './entry/key.ts';
import type { EmitEvent } from './events/events.ts';
import { lookUp } from './lookup.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { ttlMsMax } from './store/store.ts';
import { everythingTag } from './tags/tags.ts';
import { traced, type OperationEnd, type Tracing } from './tracing.ts';

/** A value by its key, or by its field and arguments: then that of each schema of this process with such a field is meant. */
export type StoredValueOf = Key | (ValueOf & Pick<KeyParts, 'field' | 'args'>);

interface PropertyReplacerParts {
  readonly guarded: Pick<GuardedStore, 'forFetch' | 'replaceProperty'>;
  readonly deleter: Pick<Deleter, 'keysOf' | 'changing' | 'remove'>;
  readonly emit: EmitEvent;
  readonly codecs: ClassCodecs;
  readonly tracing: Tracing | undefined;
}

export class PropertyReplacer {
  readonly #parts: PropertyReplacerParts;

  constructor(parts: PropertyReplacerParts) {
    this.#parts = parts;
  }

  /**
   * Replaces a property of valid values; removes a value if that is not possible, so that no read returns the property from before.
   *
   * @returns Whether it was replaced, in one of the values at least.
   * @throws {CacheError} `UNENCODABLE`, `INVALID_KEY` or `INVALID_OPTIONS`; `STORE_UNAVAILABLE` if it is not known whether a value was
   *   replaced or removed.
   */
  async replace(value: StoredValueOf, name: string, property: unknown): Promise<boolean> {
    if (typeof value?.field !== 'string' || ('text' in value && typeof value.text !== 'string')) {
      const got = received(value);
      throw new CacheError('INVALID_KEY', `replaceField: must be a key of cache.key(), or { field, args }, got ${got}`);
    }
    if (typeof name !== 'string') {
      const got = received(name);
      throw new CacheError('INVALID_OPTIONS', `${value.field}: the name of a property must be a text, got ${got}`);
    }
    const { deleter, codecs, tracing } = this.#parts;
    const text = textOf(property, codecs);
    const keys = isKey(value) ? [value] : deleter.keysOf(value.field, value.args ?? {}, value);
    const replace = async (): Promise<boolean> => {
      const replaced = await Promise.all(keys.map((key) => this.#replaceOrRemove(key, name, text)));
      return replaced.includes(true);
    };
    const operation = { type: 'replace', field: value.field } as const;
    const endOf = (isReplaced: boolean): OperationEnd => ({ isReplaced });
    return await deleter.changing(keys, () => traced(tracing, { operation, endOf }, replace));
  }

  async #replaceOrRemove(key: Key, name: string, text: string): Promise<boolean> {
    const { guarded, deleter, emit } = this.#parts;
    const replacement = { name, text, entryId: newEntryId() };
    const isReplaced = (await this.#isValid(key)) && (await guarded.replaceProperty(key.text, replacement));
    if (isReplaced) emit({ type: 'replace', key: key.text, field: key.field });
    else await deleter.remove(key.field, [key]);
    return isReplaced;
  }

  /** Whether the store has a valid value, fresh or stale. */
  async #isValid(key: Key): Promise<boolean> {
    const { guarded, emit, codecs } = this.#parts;
    const tags = { required: [everythingTag], all: [everythingTag], areNamed: true };
    const lookup = await lookUp({ store: guarded.forFetch(), emit, codecs }, key, {
      tags,
      staleMs: ttlMsMax,
      names: [],
    });
    return lookup.state === 'hit';
  }
}

/** @throws {UnencodableError} */
function textOf(property: unknown, codecs: ClassCodecs): string {
  try {
    return encodeValue(property, codecs);
  } catch (error) {
    ignorePromisesIn(property);
    throw error;
  }
}

function isKey(value: StoredValueOf): value is Key {
  return 'text' in value;
}
