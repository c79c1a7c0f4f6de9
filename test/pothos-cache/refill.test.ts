// Fields whose values are loaded again in the background as soon as they are invalidated.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { currentLoad } from '../../src/cache/index.ts';
import { settled, tick } from '../cache/world.ts';
import { newSchema, type RequestContext, type SchemaWorld } from './world.ts';

const cache = { scope: 'public', ttl: '60s', tags: ['products'], refill: true } as const;

/** A schema whose contexts remember nothing: they may be used again. */
const newRefillSchema: typeof newSchema = (define, options) =>
  newSchema(define, { refreshContext: (context) => context, ...options });

interface Product {
  readonly id: number;
  readonly name: string;
}

/** Invalidates, and waits until nothing happens any more. */
async function invalidated(world: SchemaWorld, tag: string): Promise<void> {
  await world.cache.invalidate([tag]);
  await settled(world);
}

describe('a field with refill', () => {
  it('is a hit after an invalidation', async () => {
    const row = { name: 'Pot' };
    const world = await newRefillSchema((builder) => {
      builder.queryField('name', (t) => t.string({ cache, resolve: () => row.name }));
    });
    await world.run('{ name }');
    row.name = 'Pan';
    await invalidated(world, 'products');
    expect(await world.run('{ name }')).toMatchObject({ data: { name: 'Pan' }, states: 'hit' });
  });

  it('is a hit after an invalidation of its own rows, but not after one of its parent', async () => {
    const names: Record<number, string> = { 1: 'Pot' };
    const reviews = ['good'];
    let reviewLoads = 0;
    const world = await newRefillSchema((builder) => {
      const Product = builder.objectRef<Product>('Product').implement({
        fields: (t) => ({
          reviews: t.stringList({
            cache: { ...cache, tags: ['reviews'], parentId: ({ id }) => id },
            resolve: ({ name }) => {
              reviewLoads += 1;
              return reviews.map((review) => `${name} is ${review}`);
            },
          }),
        }),
      });
      builder.queryField('product', (t) =>
        t.field({
          type: Product,
          cache: { scope: 'public', ttl: '60s', tags: ['products'] },
          resolve: () => ({ id: 1, name: names[1] ?? '' }),
        }),
      );
    });
    const text = '{ product { reviews } }';
    await world.run(text);
    reviews[0] = 'bad';
    await invalidated(world, 'reviews');
    expect(await world.run(text)).toMatchObject({ data: { product: { reviews: ['Pot is bad'] } }, states: 'hit hit' });
    names[1] = 'Pan';
    await invalidated(world, 'products');
    expect(reviewLoads).toBe(2); // it would have been loaded for the old parent
    expect(await world.run(text)).toMatchObject({
      data: { product: { reviews: ['Pan is bad'] } },
      states: 'miss miss',
    });
  });

  it('a public field whose refill reads the viewer is not stored', async () => {
    const world = await newRefillSchema(
      (builder) => {
        let loads = 0;
        builder.queryField('greeting', (t) =>
          t.string({
            cache,
            // The first load reads nothing that belongs to its request.
            resolve: (_parent, _args, { viewer }) => (loads++ === 0 ? 'nobody' : `hello ${viewer}`),
          }),
        );
      },
      { viewer: ({ viewer }) => viewer },
    );
    await world.run('{ greeting }', {}, { viewer: 'Ann' });
    await invalidated(world, 'products');
    const { data, states } = await world.run('{ greeting }', {}, { viewer: 'Bob' });
    expect({ data, states }).toEqual({ data: { greeting: 'hello Bob' }, states: 'miss' });
  });
});

describe('the context of a refill', () => {
  it('is the one that refreshContext returns', async () => {
    const world = await newRefillSchema(
      (builder) => {
        builder.queryField('tenant', (t) => t.string({ cache, resolve: (_parent, _args, { tenant }) => tenant ?? '' }));
      },
      { viewerProperties: [], refreshContext: () => ({ tenant: 'later' }) },
    );
    await world.run('{ tenant }', {}, { tenant: 'first' });
    await invalidated(world, 'products');
    expect(await world.run('{ tenant }')).toMatchObject({ data: { tenant: 'later' }, states: 'hit' });
  });

  it.each([
    ['viewer', { viewer: 'Bob', tenant: 'one' }],
    ['variation', { viewer: 'Ann', tenant: 'two' }],
  ])('must have the same %s', async (_, other) => {
    const loaded: unknown[] = [];
    const world = await newRefillSchema(
      (builder) => {
        builder.queryField('secret', (t) =>
          t.string({
            cache: { ...cache, scope: 'private', vary: ({ tenant }) => tenant },
            resolve: (_parent, _args, { viewer }) => {
              loaded.push(viewer);
              return `secret of ${viewer}`;
            },
          }),
        );
      },
      { viewer: ({ viewer }) => viewer, refreshContext: () => other },
    );
    const context = (): RequestContext => ({ viewer: 'Ann', tenant: 'one' });
    await world.run('{ secret }', {}, context());
    await invalidated(world, 'products');
    expect(world.trace.events.find(({ type }) => type === 'load-failed')).toMatchObject({
      error: { message: 'Query.secret: refreshContext must return a context with the same viewer and variation' },
    });
    expect(await world.run('{ secret }', {}, context())).toMatchObject({ states: 'miss' });
    expect(loaded).toEqual(['Ann', 'Ann']);
  });

  it('a refill runs outside of the asynchronous context of requests, in a load of its own', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const world = await newRefillSchema((builder) => {
      builder.queryField('name', (t) =>
        t.string({
          cache,
          resolve: async () => {
            await tick();
            seen.push([request.getStore(), currentLoad() !== undefined]);
            return 'Pot';
          },
        }),
      );
    });
    await request.run('reader', () => world.run('{ name }'));
    await request.run('writer', () => invalidated(world, 'products'));
    await expect.poll(() => world.trace.count('refill')).toBe(1);
    expect(seen).toEqual([
      ['reader', true],
      [undefined, true],
    ]);
  });
});
