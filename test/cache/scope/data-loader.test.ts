// DataLoaders in loads: what a batch reads counts for each load that has a key in it, and loads memoize nothing.
import { createRequire } from 'node:module';
import DataLoader from 'dataloader';
import { describe, expect, it } from 'vitest';
import {
  createPolicy,
  currentLoad,
  noteViewerRead,
  watchDataLoader,
  watchInstalledDataLoaders,
} from '../../../src/cache/index.ts';
import { lazy } from '../../support/lazy.ts';
import { newWorld, times, tick, type World } from '../world.ts';

type Key = number | { readonly id: number };
type Options = DataLoader.Options<Key, unknown, unknown>;
type LoadBatch = DataLoader.BatchLoadFn<Key, unknown>;

const require = createRequire(import.meta.url);

/** A separate copy of the package, as if another package had installed it. */
function newCopy(): typeof DataLoader {
  const path = require.resolve('dataloader');
  delete require.cache[path];
  return require(path) as typeof DataLoader;
}

interface BatchWorld extends World {
  readonly batches: (readonly Key[])[];
  /** Sets what the next batches read besides the table `rows`. */
  readonly reads: (more: () => unknown) => void;
  readonly loadBatch: LoadBatch;
  /** Fetches one field for each key, concurrently. */
  readonly fetchAll: (loader: DataLoader<Key, unknown, unknown>, ids: readonly Key[]) => Promise<unknown[]>;
  /** Changes the table and invalidates its tag. */
  readonly write: () => Promise<void>;
}

async function newBatches(): Promise<BatchWorld> {
  const world = await newWorld('memory', { knownTags: ['rows', 'other', ...times(9, (id) => `row${id}`)] });
  const batches: (readonly Key[])[] = [];
  let row = 'old';
  let more: () => unknown = () => {};
  return {
    ...world,
    batches,
    reads: (read) => void (more = read),
    async loadBatch(keys) {
      batches.push(keys);
      await tick();
      currentLoad()?.touch(['rows']);
      await more();
      return keys.map((key) => `${row} ${idOf(key)}`);
    },
    fetchAll: (loader, keys) =>
      Promise.all(keys.map((key) => world.fetch({ field: `Query.of${idOf(key)}`, load: () => loader.load(key) }))),
    async write() {
      row = 'new';
      await world.cache.invalidate(['rows']);
    },
  };
}

function idOf(key: Key): number {
  return typeof key === 'number' ? key : key.id;
}

/** Dispatches the scheduled batches, outside of all loads. */
const scheduled: (() => void)[] = [];
const dispatchScheduled = async (): Promise<void> => {
  await tick();
  for (const dispatch of scheduled.splice(0)) dispatch();
};

class RecordingLoader extends DataLoader<Key, unknown, unknown> {
  readonly #requestedKeys: Key[] = [];

  override load(key: Key): Promise<unknown> {
    this.#requestedKeys.push(key);
    return super.load(key);
  }

  override clear(key: Key): this {
    this.#requestedKeys.splice(this.#requestedKeys.indexOf(key), 1);
    return super.clear(key);
  }
}

type NewLoader = (loadBatch: LoadBatch, options?: Options) => DataLoader<Key, unknown, unknown>;

const loaderKinds: Readonly<Record<string, NewLoader>> = {
  'a plain loader': (loadBatch) => new DataLoader(loadBatch),
  'a loader with a name': (loadBatch) => new DataLoader(loadBatch, { name: 'rows' }),
  'a loader with cache: false': (loadBatch) => new DataLoader(loadBatch, { cache: false }),
  'a loader with batch: false': (loadBatch) => new DataLoader(loadBatch, { batch: false }),
  'a loader with small batches': (loadBatch) => new DataLoader(loadBatch, { maxBatchSize: 2 }),
  'a loader with objects as keys': (loadBatch) => {
    const loader = new DataLoader<Key, unknown, unknown>(loadBatch, { cacheKeyFn: idOf });
    const load = loader.load.bind(loader);
    return Object.assign(loader, { load: (key: Key) => load({ id: idOf(key) }) });
  },
  'a loader with a cacheMap': (loadBatch) => new DataLoader(loadBatch, { cacheMap: new Map() }),
  'a loader with a batchScheduleFn': (loadBatch) =>
    new DataLoader(loadBatch, { batchScheduleFn: (dispatch) => setImmediate(dispatch) }),
  'a loader that is dispatched outside of the load': (loadBatch) =>
    new DataLoader(loadBatch, {
      batchScheduleFn: (dispatch) => {
        if (scheduled.push(dispatch) === 1) setImmediate(() => void dispatchScheduled());
      },
    }),
  'a loader of a subclass': (loadBatch) => new RecordingLoader(loadBatch),
  'a loader whose batch is a lazy query': (loadBatch) =>
    new DataLoader((keys) => lazy(() => loadBatch(keys)) as ReturnType<LoadBatch>),
  'a loader whose values are lazy queries': (loadBatch) =>
    new DataLoader(async (keys) => keys.map((key) => lazy(async () => (await loadBatch([key]))[0]))),
  'a loader that calls another loader': (loadBatch) => {
    const inner = new DataLoader(loadBatch);
    return new DataLoader((keys) => inner.loadMany(keys));
  },
  'a loader whose batch is a fetch': (loadBatch) =>
    new DataLoader(
      (keys) =>
        cacheOfBatch().fetch({
          field: 'Query.batch',
          args: { keys },
          load: () => loadBatch(keys),
        }) as ReturnType<LoadBatch>,
    ),
  'a loader from another copy of the package': (loadBatch) => {
    const loader: DataLoader<Key, unknown, unknown> = new (newCopy())(loadBatch);
    watchInstalledDataLoaders();
    return loader;
  },
};

let cacheOfBatch: () => World = () => {
  throw new Error('no world as yet');
};

describe.each(Object.entries(loaderKinds))('%s', (kind, newLoader) => {
  const ids = [1, 2, 3];

  it('invalidates each load with what its batch has read, and caches it until then', async () => {
    const world = await newBatches();
    cacheOfBatch = () => world;
    const loader = newLoader(world.loadBatch);
    expect(await world.fetchAll(loader, ids)).toEqual(['old 1', 'old 2', 'old 3']);
    expect(await world.fetchAll(loader, ids)).toEqual(['old 1', 'old 2', 'old 3']);
    expect(new Set(world.batches.flat().map(idOf))).toEqual(new Set(ids));
    expect(world.batches.flat()).toHaveLength(3);
    await world.write();
    expect(await world.fetchAll(loader, ids)).toEqual(['new 1', 'new 2', 'new 3']);
    expect(world.trace.count('write-refused')).toBe(0);
  });

  it('stores no value of a batch that reads the viewer, an unknown source or uncommitted rows', async () => {
    const reads = [
      noteViewerRead,
      () => currentLoad()?.touchUnknown('a file'),
      () => currentLoad()?.readsUncommitted('a transaction'),
    ];
    for (const read of reads) {
      const world = await newBatches();
      cacheOfBatch = () => world;
      world.reads(read);
      await world.fetchAll(newLoader(world.loadBatch), ids);
      expect(world.trace.events.filter((event) => event.type === 'write')).toEqual([]);
      expect(world.trace.count('write-refused')).toBeGreaterThanOrEqual(ids.length);
    }
  });

  it('does so too after a call outside of loads, which memoizes as usual', async () => {
    const world = await newBatches();
    cacheOfBatch = () => world;
    const loader = newLoader(world.loadBatch);
    const outside = loader.load(9);
    expect(await world.fetchAll(loader, ids)).toEqual(['old 1', 'old 2', 'old 3']);
    expect(await outside).toBe('old 9');
    expect(await loader.load(1)).toBe('old 1');
    await world.write();
    expect(await world.fetchAll(loader, ids)).toEqual(['new 1', 'new 2', 'new 3']);
    expect(await world.fetch({ field: 'Query.again', load: () => loader.loadMany(ids) })).toEqual(
      ids.map((id) => `new ${id}`),
    );
    expect(await loader.load(1)).toBe(kind === 'a loader with cache: false' ? 'new 1' : 'old 1');
  });

  it('rejects each load of a batch that fails, and loads again afterwards', async () => {
    const world = await newBatches();
    cacheOfBatch = () => world;
    const loader = newLoader(world.loadBatch);
    world.reads(() => Promise.reject(new Error('away')));
    const failed = await Promise.allSettled(ids.map((id) => world.fetchAll(loader, [id])));
    expect(failed).toMatchObject(ids.map(() => ({ reason: { message: 'away' } })));
    world.reads(() => {});
    expect(await world.fetchAll(loader, ids)).toEqual(['old 1', 'old 2', 'old 3']);
  });
});

it('a batch does not count for a load whose keys are in another batch', async () => {
  const world = await newBatches();
  const loader = new DataLoader(
    async (ids: readonly number[]) => {
      currentLoad()?.touch(ids.map((id) => `row${id}`));
      return ids;
    },
    { maxBatchSize: 1 },
  );
  const fetchAll = (): Promise<unknown> =>
    Promise.all([1, 2].map((id) => world.fetch({ field: `Query.of${id}`, load: () => loader.load(id) })));
  await fetchAll();
  world.trace.take();
  await world.cache.invalidate(['row2']);
  await fetchAll();
  expect(world.trace.events.filter(({ type }) => type === 'load')).toMatchObject([{ field: 'Query.of2' }]);
});

it('a key that several loads request is in a batch once, and is loaded again by a later load', async () => {
  const world = await newBatches();
  const loader = new DataLoader(world.loadBatch);
  const load = (): Promise<unknown> => Promise.all([loader.load(1), loader.load(1)]);
  await Promise.all(times(3, (index) => world.fetch({ field: `Query.twin${index}`, load })));
  expect(world.batches).toEqual([[1]]);
  await world.fetch({ field: 'Query.last', load });
  expect(world.batches).toEqual([[1], [1]]);
  await world.write();
  world.trace.take();
  await Promise.all(times(3, (index) => world.fetch({ field: `Query.twin${index}`, load })));
  expect(world.trace.count('load')).toBe(3);
});

it('a load neither reads nor changes the memoized, primed or stored values of a loader', async () => {
  const world = await newBatches();
  const cacheMapCalls: unknown[] = [];
  const memoized = new Map<unknown, Promise<unknown>>();
  const cacheMap = {
    get: (key: unknown) => (cacheMapCalls.push('get'), memoized.get(key)),
    set: (key: unknown, value: Promise<unknown>) => (cacheMapCalls.push('set'), memoized.set(key, value)),
    delete: (key: unknown) => (cacheMapCalls.push('delete'), memoized.delete(key)),
    clear: () => (cacheMapCalls.push('clear'), memoized.clear()),
  };
  const loader = new DataLoader(world.loadBatch, { cacheMap });
  loader.prime(1, 'primed');
  expect(await loader.load(1)).toBe('primed');
  cacheMapCalls.length = 0;
  const load = async (): Promise<unknown> => {
    loader.prime(2, 'primed inside');
    return loader.loadMany([1, 2]);
  };
  expect(await world.fetch({ load })).toEqual(['old 1', 'old 2']);
  expect(cacheMapCalls).toEqual([]);
  expect(await loader.load(2)).toBe('old 2');
  await world.fetch({ field: 'Query.clears', load: () => loader.clear(1) && 'cleared' });
  expect(await loader.load(1)).toBe('old 1');
});

it('a batch for several viewers that reads the viewer is stored for none of them', async () => {
  const world = await newBatches();
  const fetchAll = (viewers: readonly string[]): Promise<unknown> => {
    const loader = new DataLoader(world.loadBatch);
    const asked = viewers.map((viewer, id) => world.fetch({ viewer, args: { id }, load: () => loader.load(id) }));
    return Promise.all(asked);
  };
  world.reads(noteViewerRead);
  await fetchAll(['alice', 'alice']);
  expect(world.trace.count('write')).toBe(2);
  world.trace.take();
  await fetchAll(['bob', 'carol']);
  expect(world.trace.text).toBe('load×2 write-refused(viewer-dependent)×2 miss×2');
});

it('an error for one key fails only the load of that key', async () => {
  const { fetch, trace } = await newWorld();
  const loader = new DataLoader(async (ids: readonly number[]) => ids.map((id) => (id === 2 ? new Error('no 2') : id)));
  const asked = [1, 2, 3].map((id) => fetch({ field: `Query.of${id}`, load: () => loader.load(id) }));
  expect(await Promise.allSettled(asked)).toMatchObject([{ value: 1 }, { reason: { message: 'no 2' } }, { value: 3 }]);
  expect(trace.count('write')).toBe(2);
  const load = (): unknown => loader.load(null as never);
  await expect(fetch({ field: 'Query.none', load })).rejects.toThrow('must be called with a value');
});

it('a load calls the current batch function of the loader', async () => {
  const { fetch } = await newWorld();
  const loader = new DataLoader(async (ids: readonly number[]) => ids);
  const seen: unknown[] = [];
  Object.assign(loader, {
    async _batchLoadFn(this: unknown, ids: readonly number[]) {
      seen.push(this);
      return ids.map((id) => id * 2);
    },
  });
  expect(await fetch({ load: () => loader.load(4) })).toBe(8);
  expect(seen).toEqual([loader]);
});

describe('a copy of the class DataLoader', () => {
  const loadBatch = async (ids: readonly number[]): Promise<readonly number[]> => {
    await tick();
    noteViewerRead();
    return ids;
  };

  it('is found when the next cache is created, and existing loaders of it are watched too', async () => {
    const Copy = newCopy();
    const loader = new Copy(loadBatch);
    const { fetch, trace } = await newWorld();
    await Promise.all([1, 2].map((id) => fetch({ field: `Query.of${id}`, load: () => loader.load(id) })));
    expect(trace.count('write-refused')).toBe(2);
  });

  it('can be passed to watchDataLoader if it cannot be found, repeatedly, itself or as a subclass', async () => {
    const path = require.resolve('dataloader');
    const Copy = newCopy();
    delete require.cache[path];
    const { fetch, trace } = await newWorld();
    const loader = new Copy(loadBatch);
    const fetchAll = async (): Promise<void> => {
      await Promise.all([1, 2].map((id) => fetch({ field: `Query.of${id}`, load: () => loader.load(id) })));
    };
    await fetchAll();
    expect(trace.count('write')).toBe(1); // not watched yet
    trace.take();
    watchDataLoader(class extends Copy<number, number> {});
    const once = Object.getOwnPropertyDescriptor(Copy.prototype, 'load');
    watchDataLoader(Copy);
    expect(Object.getOwnPropertyDescriptor(Copy.prototype, 'load')).toEqual(once);
    await fetch({ field: 'Query.all', load: () => loader.loadMany([1, 2]) });
    expect(trace.text).toBe('load write-refused(viewer-dependent) miss');
  });

  it('of another version, whose internals are unknown, keeps values from being stored', async () => {
    class DataLoader1 {
      #ids: number[] = [];
      #batch: Promise<readonly number[]> | undefined;

      async load(id: number): Promise<number | undefined> {
        const place = this.#ids.push(id) - 1;
        this.#batch ??= tick().then(() => this.#ids);
        return (await this.#batch)[place];
      }

      loadMany = undefined;
    }
    Object.assign(DataLoader1.prototype, { loadMany() {}, clear() {}, clearAll() {}, prime() {} });
    watchDataLoader(DataLoader1);
    const { fetch, trace } = await newWorld();
    const loader = new DataLoader1();
    const seen = [1, 2].map((id) => fetch({ field: `Query.of${id}`, viewer: 'alice', load: () => loader.load(id) }));
    expect(await Promise.all(seen)).toEqual([1, 2]);
    expect(trace.take()).toBe('load×2 write-refused(uncommitted-read)×2 miss×2');
    await fetch({ field: 'Query.public', load: () => new DataLoader1().load(1) });
    expect(trace.text).toBe('load write-refused(viewer-dependent) miss');
  });

  it('must have the methods of DataLoader', () => {
    expect(() => watchDataLoader(Map)).toThrow('watchDataLoader expects the class DataLoader');
  });
});

it('a value whose batch reads the viewer is not stored, whatever tags its policy names', async () => {
  const { cache, trace } = await newWorld();
  const loader = new DataLoader(async (ids: readonly number[]) => (noteViewerRead(), ids));
  const policy = createPolicy('Query.field', { ttl: '60s', tags: ['rows'] });
  await Promise.all(
    [1, 2].map((id) => cache.fetch(cache.key({ field: `Query.of${id}` }), policy, () => loader.load(id))),
  );
  expect(trace.count('write')).toBe(0);
});
