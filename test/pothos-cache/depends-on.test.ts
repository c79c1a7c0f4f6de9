// A cached field below another one: its key contains the parent's id, and its value depends on the parent entry.
import { describe, expect, it } from 'vitest';
import { currentLoad } from '../../src/cache/index.ts';
import { newSchema } from './world.ts';

describe('a cached field on an object', () => {
  it('is loaded again after the table of its parent is invalidated', async () => {
    const row = { id: 1, name: 'Pot', price: 10, categoryId: 1 };
    const categories: Record<number, string> = { 1: 'Pots', 2: 'Pans' };
    const { run, cache } = await newSchema((builder) => {
      const Product = builder.objectRef<typeof row>('Product').implement({
        fields: (t) => ({
          price: t.exposeInt('price', {}),
          label: t.string({
            cache: { scope: 'public', ttl: '60s', parentId: ({ id }) => id },
            resolve: ({ name, price }) => `${name}: ${price}`,
          }),
          category: t.string({
            cache: { scope: 'public', ttl: '60s', parentId: ({ id }) => id },
            resolve: ({ categoryId }) => {
              currentLoad()?.touch(['categories']); // as a Kysely query would
              return categories[categoryId] ?? '';
            },
          }),
        }),
      });
      builder.queryField('product', (t) =>
        t.field({
          type: Product,
          cache: { scope: 'public', ttl: '60s' },
          resolve: () => {
            currentLoad()?.touch(['products']);
            return { ...row };
          },
        }),
      );
    }, {});
    // From the second load of a field on, its tags are known before the load.
    const text = '{ product { price label category } }';
    await run(text);
    await cache.flush();
    expect((await run(text)).data).toEqual({ product: { price: 10, label: 'Pot: 10', category: 'Pots' } });
    Object.assign(row, { price: 20, categoryId: 2 });
    await cache.invalidate(['products']); // only a row of products has changed
    const { data, states } = await run(text);
    expect({ data, states }).toEqual({
      data: { product: { price: 20, label: 'Pot: 20', category: 'Pans' } },
      states: 'miss miss miss',
    });
  });

  it('is not returned to another viewer if its parent is private', async () => {
    const { run } = await newSchema(
      (builder) => {
        const Product = builder.objectRef<{ id: number; price: number }>('Product').implement({
          fields: (t) => ({
            label: t.string({
              cache: { scope: 'public', ttl: '60s', parentId: ({ id }) => id },
              resolve: ({ price }) => `costs ${price}`,
            }),
          }),
        });
        builder.queryField('product', (t) =>
          t.field({
            type: Product,
            cache: { scope: 'private', ttl: '60s' },
            resolve: (_p, _a, { viewer }) => ({ id: 1, price: viewer === 'ada' ? 7 : 10 }), // a discount
          }),
        );
      },
      { viewer: ({ viewer }) => viewer, viewerProperties: ['viewer'] },
    );
    expect((await run('{ product { label } }', {}, { viewer: 'ada' })).data).toEqual({ product: { label: 'costs 7' } });
    expect((await run('{ product { label } }', {}, { viewer: 'bob' })).data).toEqual({
      product: { label: 'costs 10' },
    });
  });

  it('is not stored if its parent was not stored', async () => {
    let loads = 0;
    const { run, cache } = await newSchema((builder) => {
      const Product = builder.objectRef<{ id: number }>('Product').implement({
        fields: (t) => ({
          label: t.int({
            cache: { scope: 'public', ttl: '60s', parentId: ({ id }) => id },
            resolve: () => (loads += 1),
          }),
        }),
      });
      builder.queryField('products', (t) =>
        t.field({ type: [Product], cache: { scope: 'public', ttl: '60s' }, resolve: () => [{ id: 1 }] }),
      );
    });
    const refusals: unknown[] = [];
    cache.on((event) => event.type === 'write-refused' && refusals.push(event.reason));
    await run('{ products @cache(mode: BYPASS) { label } }');
    expect(refusals).toEqual(['inner-unstored']);
    await run('{ products { label } }');
    await run('{ products { label } }');
    expect(loads).toBe(2);
  });
});
