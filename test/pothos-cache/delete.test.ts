// `cache.delete` finds the values of a schema's fields.
import type { GraphQLSchema } from 'graphql';
import { expect, it } from 'vitest';
import type { Cache } from '../../src/cache/index.ts';
import { times } from '../cache/world.ts';
import { newBuilder, newSchema, runOn, type SchemaWorld } from './world.ts';

const newShop = (): Promise<SchemaWorld> =>
  newSchema((builder, { source }) => {
    const Item = builder.objectRef<{ id: number }>('Item').implement({
      fields: (t) => ({
        price: t.float({
          cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id },
          resolve: async () => Number(await source.load()),
        }),
      }),
    });
    const Order = builder.enumType('Order', { values: { UP: { value: 1 }, DOWN: { value: 2 } } });
    builder.queryField('items', (t) =>
      t.field({
        type: [Item],
        args: { limit: t.arg.int({ defaultValue: 3 }), order: t.arg({ type: Order, defaultValue: 1 }) },
        cache: { ttl: '60s', scope: 'public' },
        resolve: () => [{ id: 7 }],
      }),
    );
  });

it('with the defaults of its arguments', async () => {
  const { cache, run } = await newShop();
  await run('{ items { __typename } }');
  expect(await cache.delete('Query.items')).toBe(1);
  expect((await run('{ items { __typename } }')).states).toBe('miss');
  await run('{ items { __typename } }');
  expect(await cache.delete('Query.items', { limit: undefined })).toBe(1);
  await run('{ items { __typename } }');
  await run('{ items(limit: 5, order: DOWN) { __typename } }');
  expect(await cache.delete('Query.items', { limit: 5, order: 2 })).toBe(1);
  expect(await cache.delete('Query.items', { limit: 6 })).toBe(0);
  expect((await run('{ items { __typename } }')).states).toBe('hit');
});

it('of a parent', async () => {
  const { cache, run, source } = await newShop();
  source.gives(1);
  await run('{ items { price } }');
  expect(await cache.delete('Item.price', {}, { parent: 7 })).toBe(1);
  expect((await run('{ items { price } }')).states).toBe('hit miss');
});

/** A schema with another field `items`. */
function otherSchema(engine: Cache, limit = 3): GraphQLSchema {
  const builder = newBuilder();
  builder.queryType({
    fields: (t) => ({
      items: t.string({
        args: { limit: t.arg.int({ defaultValue: limit }) },
        cache: { ttl: '60s', scope: 'public' },
        resolve: () => 'items',
      }),
    }),
  });
  return builder.toSchema({ cache: { engine } });
}

it('of every schema that this process serves', async () => {
  const { cache, schema } = await newShop();
  const other = otherSchema(cache);
  await runOn(schema, '{ items(limit: 3) { __typename } }');
  await runOn(other, '{ items }');
  expect(await cache.delete('Query.items')).toBe(2);
  expect((await runOn(other, '{ items }')).states).toBe('miss');
});

it('of a schema also after another one has been built again and again', async () => {
  const { cache, run } = await newShop();
  times(20, () => otherSchema(cache));
  await run('{ items { __typename } }');
  expect(await cache.delete('Query.items')).toBe(1);
});

it('of schemas that differ only in the default of an argument', async () => {
  const { cache } = await newShop();
  for (const limit of [3, 4, 3]) await runOn(otherSchema(cache, limit), '{ items }');
  expect(await cache.delete('Query.items')).toBe(2);
});
