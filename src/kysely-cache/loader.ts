/**
 * A DataLoader for code that runs in cached loads and outside of them.
 *
 * A plain one makes values that are never invalidated: a batch runs in the context of whoever asked first, so that the
 * others never hear of its tables; and it may hand a row that it remembers from before an invalidation to a load that began
 * after it. So here a batch runs on behalf of every load that has asked in it, and loads are given nothing from memory.
 */
import DataLoader from 'dataloader';
import { currentLoad, runForLoads, type Load } from '../cache/index.ts';

/** How a loader tells keys apart and bounds its batches. */
export interface LoaderOptions<K> {
  /** What makes two keys the same, such as a text; the key itself unless told otherwise. */
  readonly cacheKeyFn?: (key: K) => unknown;
  /** Keys of one batch at the most, 1 or more; without it there is no limit. */
  readonly maxBatchSize?: number;
}

/** Loads what is asked for by key in the same tick in one batch. `createLoader` makes one, for one request. */
export interface Loader<K, V> {
  /** The value of a key. Outside of cached loads it is remembered, inside of them it is loaded anew. */
  load(key: K): Promise<V>;
  /** The values of several keys, with an `Error` in the place of each that failed. */
  loadMany(keys: readonly K[]): Promise<(V | Error)[]>;
  /** Forgets the value of a key. */
  clear(key: K): this;
  /** Forgets all values. */
  clearAll(): this;
}

/** A key that is asked for, and by which load. */
interface Asked<K> {
  readonly key: K;
  readonly load: Load | undefined;
}

/**
 * A loader over `loadBatch`, which gives a value or an `Error` for each key, in their order, as DataLoader wants it. A key
 * that is asked for twice in one batch is in it once.
 */
export function createLoader<K, V>(
  loadBatch: (keys: readonly K[]) => Promise<readonly (V | Error)[]>,
  options: LoaderOptions<K> = {},
): Loader<K, V> {
  return new BatchLoader(loadBatch, options);
}

class BatchLoader<K, V> implements Loader<K, V> {
  readonly #idOf: (key: K) => unknown;
  readonly #batches: DataLoader<Asked<K>, V>;
  readonly #remembered = new Map<unknown, Promise<V>>();

  constructor(
    loadBatch: (keys: readonly K[]) => Promise<readonly (V | Error)[]>,
    { cacheKeyFn = (key) => key, maxBatchSize = Infinity }: LoaderOptions<K>,
  ) {
    this.#idOf = cacheKeyFn;
    this.#batches = new DataLoader((asked) => this.#loadOnce(asked, loadBatch), { cache: false, maxBatchSize });
  }

  load(key: K): Promise<V> {
    const load = currentLoad();
    if (load !== undefined) return this.#batches.load({ key, load });
    const id = this.#idOf(key);
    const value = this.#remembered.get(id) ?? this.#batches.load({ key, load });
    this.#remembered.set(id, value);
    return value;
  }

  async loadMany(keys: readonly K[]): Promise<(V | Error)[]> {
    const answers = await Promise.allSettled(keys.map((key) => this.load(key)));
    return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : errorOf(answer.reason)));
  }

  clear(key: K): this {
    this.#remembered.delete(this.#idOf(key));
    return this;
  }

  clearAll(): this {
    this.#remembered.clear();
    return this;
  }

  async #loadOnce(
    asked: readonly Asked<K>[],
    loadBatch: (keys: readonly K[]) => Promise<readonly (V | Error)[]>,
  ): Promise<(V | Error)[]> {
    const ids = asked.map(({ key }) => this.#idOf(key));
    const keys = new Map(asked.map(({ key }, index) => [ids[index], key]));
    const loads = [...new Set(asked.flatMap(({ load }) => load ?? []))];
    try {
      const values = await runForLoads(loads, () => loadBatch([...keys.values()]));
      if (values.length !== keys.size)
        throw new TypeError(`${keys.size} keys were loaded, ${values.length} values came`);
      const places = new Map([...keys.keys()].map((id, place) => [id, values[place]]));
      // The length was looked at: each place has a value.
      return ids.map((id) => places.get(id) as V | Error);
    } catch (error) {
      // A batch that failed as a whole is not remembered, an error of one key is.
      for (const id of ids) this.#remembered.delete(id);
      throw error;
    }
  }
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
