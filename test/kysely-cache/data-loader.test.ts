// A plain DataLoader over SQL: the tables that a batch reads become tags of all values that use the batch.
import DataLoader from 'dataloader';
import { describe, expect, it } from 'vitest';
import { runForLoads } from '../../src/cache/index.ts';
import { tableWorld, type TableWorld } from './world.ts';

const setUp = `create table products (id int primary key, name text); create table reviews (id int primary key, product_id int);
  insert into products values (1, 'old'), (2, 'old'), (3, 'old')`;

/** A loader of product names that records its batches. */
function nameLoader(
  { db }: Pick<TableWorld, 'db'>,
  options: DataLoader.Options<number, unknown> = {},
): { loader: DataLoader<number, unknown>; batches: (readonly number[])[] } {
  const batches: (readonly number[])[] = [];
  const loader = new DataLoader(async (ids: readonly number[]) => {
    batches.push(ids);
    const rows = await db
      .selectFrom('products')
      .selectAll()
      .where('id', 'in', [...ids])
      .execute();
    return ids.map((id) => rows.find((row) => row['id'] === id)?.['name'] ?? new Error(`no product ${id}`));
  }, options);
  return { loader, batches };
}

describe('a DataLoader in cached loads', () => {
  it('makes one batch for concurrent loads, and adds its tables to each value', async () => {
    const world = await tableWorld(setUp);
    const { loader, batches } = nameLoader(world);
    const seen = await Promise.all([1, 2, 3].map((id) => world.tagsOf(() => loader.load(id))));
    expect(batches).toEqual([[1, 2, 3]]);
    expect(seen).toEqual(['products', 'products', 'products']);
  });

  it('loads every value of a shared batch again after an invalidation', async () => {
    const { cache, fetch, ...world } = await tableWorld(setUp);
    const { loader } = nameLoader(world);
    const ask = (): Promise<unknown[]> =>
      Promise.all([1, 2, 3].map((id) => fetch(() => loader.load(id), { field: `Query.name${id}` })));
    expect(await ask()).toEqual(['old', 'old', 'old']);
    await world.run(`update products set name = 'new'`);
    await cache.invalidate(['products']);
    expect(await ask()).toEqual(['new', 'new', 'new']);
  });

  it('makes another batch for callers outside of cached loads', async () => {
    const world = await tableWorld(setUp);
    const { loader, batches } = nameLoader(world);
    const [inside, outside] = await Promise.all([world.tagsOf(() => loader.load(1)), loader.load(2)]);
    expect(inside).toBe('products');
    expect(outside).toBe('old');
    expect(new Set(batches.map(String))).toEqual(new Set(['1', '2']));
  });

  it('adds its tables to a load that joins a batch which code outside of loads began', async () => {
    const world = await tableWorld(setUp);
    const { loader } = nameLoader(world);
    let asked: Promise<unknown> = Promise.resolve();
    const seen = await world.tagsOf(async () => {
      asked = runForLoads([], () => loader.load(1));
      return await loader.load(2);
    });
    expect(await asked).toBe('old');
    expect(seen).toBe('products');
  });

  it('does not return a row to a load that it has memoized outside of loads', async () => {
    const { fetch, cache, ...world } = await tableWorld(setUp);
    const { loader } = nameLoader(world);
    expect(await loader.load(1)).toBe('old');
    await world.run(`update products set name = 'new'`);
    await cache.invalidate(['products']);
    expect(await fetch(() => loader.load(1))).toBe('new');
    expect(await loader.load(1)).toBe('old');
  });

  it('does not memoize the rows of one load for the next', async () => {
    const world = await tableWorld(setUp);
    const { loader, batches } = nameLoader(world);
    await world.tagsOf(() => loader.load(1));
    expect(await world.tagsOf(() => loader.load(1))).toBe('products');
    expect(batches).toEqual([[1], [1]]);
  });

  it('loads a key once that is requested several times in a batch', async () => {
    const world = await tableWorld(setUp);
    const { loader, batches } = nameLoader(world);
    const [a, b] = await Promise.all([
      world.tagsOf(() => Promise.all([loader.load(1), loader.load(1)])),
      world.tagsOf(() => loader.load(1)),
    ]);
    expect([a, b]).toEqual(['products', 'products']);
    expect(batches).toEqual([[1]]);
  });

  it('does not store a value if its batch runs in an open transaction', async () => {
    const world = await tableWorld(setUp);
    await world.db.transaction().execute(async (db) => {
      const { loader } = nameLoader({ db });
      expect(await world.tagsOf(() => loader.load(1), ['products'])).toMatch(/^uncommitted-read: a transaction/);
    });
  });

  it('adds no table to a concurrent load that does not use it', async () => {
    const world = await tableWorld(setUp);
    const { loader } = nameLoader(world);
    const reviews = (): Promise<unknown> => world.db.selectFrom('reviews').selectAll().execute();
    const seen = await Promise.all([world.tagsOf(() => loader.load(1)), world.tagsOf(reviews)]);
    expect(seen).toEqual(['products', 'reviews']);
  });
});

describe('a DataLoader outside of cached loads', () => {
  it('batches and memoizes as usual', async () => {
    const { loader, batches } = nameLoader(await tableWorld(setUp));
    expect(await Promise.all([loader.load(1), loader.load(2), loader.load(1)])).toEqual(['old', 'old', 'old']);
    await loader.load(1);
    expect(batches).toEqual([[1, 2]]);
    await loader.clear(1).load(1);
    await loader.clearAll().load(2);
    expect(batches).toEqual([[1, 2], [1], [2]]);
  });

  it('rejects a key whose value is an error, and memoizes that', async () => {
    const { loader, batches } = nameLoader(await tableWorld(setUp));
    const [good, bad] = await loader.loadMany([1, 99]);
    expect(good).toBe('old');
    expect(bad).toEqual(new Error('no product 99'));
    await expect(loader.load(99)).rejects.toThrow('no product 99');
    expect(batches).toEqual([[1, 99]]);
  });

  it('rejects all keys of a failed batch, and loads them again', async () => {
    const { db } = await tableWorld(setUp);
    let isAway = true;
    const loader = new DataLoader(async (ids: readonly number[]) => {
      if (isAway) throw new Error('away');
      await db.selectFrom('products').selectAll().execute();
      return ids;
    });
    expect(await loader.loadMany([1, 2])).toEqual([new Error('away'), new Error('away')]);
    isAway = false;
    expect(await loader.loadMany([1, 2])).toEqual([1, 2]);
  });

  it('rejects if a batch returns a wrong number of values, also in cached loads', async () => {
    const loader = new DataLoader(async (ids: readonly number[]) => [...ids, 0]);
    const { fetch } = await tableWorld(setUp);
    await expect(loader.load(1)).rejects.toThrow('an Array of the same length as the Array of keys');
    await expect(fetch(() => loader.load(1))).rejects.toThrow('an Array of the same length as the Array of keys');
  });

  it('applies cacheKeyFn and maxBatchSize', async () => {
    const batches: number[] = [];
    const loader = new DataLoader(
      async (keys: readonly { id: number }[]) => {
        batches.push(keys.length);
        return keys.map(({ id }) => id);
      },
      { cacheKeyFn: ({ id }) => id, maxBatchSize: 2 },
    );
    expect(await loader.loadMany([{ id: 1 }, { id: 1 }, { id: 2 }, { id: 3 }])).toEqual([1, 1, 2, 3]);
    expect(batches).toEqual([2, 1]);
  });
});
