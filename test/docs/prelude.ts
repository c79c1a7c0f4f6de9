/** What the fragments in the documentation rely on: a builder, a cache, some types and some slow functions. */
import SchemaBuilder from '@pothos/core';
import { createCache, createMemoryStore } from 'cachepot/cache';
import CachePlugin from 'cachepot/pothos';

interface User {
  id: number;
}
/** The part of Knex that the documentation uses; Knex is not installed in the repository. */
interface KnexQuery extends Promise<ProductRow[]> {
  select(...columns: string[]): KnexQuery;
  where(column: string, operator: string, value: number): KnexQuery;
}
interface Context {
  user?: User;
  locale: string;
}
interface ProductRow {
  id: number;
  name: string;
}

const { default: newKnex } = (await import(['knex'].join())) as {
  default: (options: object) => (table: string) => KnexQuery;
};

const newBuilder = () => new SchemaBuilder<{ Context: Context }>({ plugins: [CachePlugin] });
const newTypes = (builder: ReturnType<typeof newBuilder>) => {
  const Product = builder.objectRef<ProductRow>('Product');
  Product.implement({ fields: (t) => ({ id: t.exposeInt('id'), name: t.exposeString('name') }) });
  const Order = builder.objectRef<{ id: number }>('Order');
  Order.implement({ fields: (t) => ({ id: t.exposeInt('id') }) });
  return { Product, Order };
};
const plainSchema = () => {
  const builder = newBuilder();
  const { Product } = newTypes(builder);
  builder.queryType({ fields: (t) => ({ products: t.field({ type: [Product], resolve: () => [product] }) }) });
  return builder.toSchema({});
};

const product: ProductRow = { id: 1, name: 'Cachepot' };
const constants = {
  redisAddress: process.env['REDIS_URL'] ?? '',
  certificate: '',
  findProducts: async (_search: string, _categoryId?: number): Promise<ProductRow[]> => [product],
  renameProduct: async (_id: number, _name: string): Promise<ProductRow> => product,
  productOf: async (_id: number): Promise<ProductRow> => product,
  namesOf: async (ids: readonly number[]): Promise<string[]> => ids.map((id) => `name ${id}`),
  averageRatingOf: async (_id: number): Promise<number | null> => 4.5,
  ordersOf: async (_user: User | undefined, _locale: string): Promise<{ id: number }[]> => [],
  fetchRate: async (_currency: string): Promise<number> => 1.08,
  knex: newKnex({ client: 'pg', connection: process.env['DATABASE_URL'] ?? '' }),
};

const newWorld = () => {
  const builder = newBuilder();
  builder.queryType({ fields: (t) => ({ version: t.string({ resolve: () => '1' }) }) });
  builder.mutationType({ fields: (t) => ({ nothing: t.boolean({ resolve: () => true }) }) });
  const cache = createCache({ store: createMemoryStore({ namespace: 'docs' }), log: false });
  return { ...constants, ...newTypes(builder), builder, cache, schema: plainSchema() };
};
type World = ReturnType<typeof newWorld>;

declare global {
  var redisAddress: World['redisAddress'];
  var certificate: World['certificate'];
  var findProducts: World['findProducts'];
  var renameProduct: World['renameProduct'];
  var productOf: World['productOf'];
  var namesOf: World['namesOf'];
  var averageRatingOf: World['averageRatingOf'];
  var ordersOf: World['ordersOf'];
  var fetchRate: World['fetchRate'];
  var knex: World['knex'];
  var Product: World['Product'];
  var Order: World['Order'];
  var builder: World['builder'];
  var cache: World['cache'];
  var schema: World['schema'];
}

/** Runs each fragment whose path is an argument, and builds the schema that it has added to. */
for (const path of process.argv.slice(2)) {
  const world = newWorld();
  Object.assign(globalThis, world);
  await import(path);
  world.builder.toSchema({
    cache: { engine: world.cache, viewer: ({ user }) => user?.id, refreshContext: (context) => context },
  });
  process.stdout.write(`${path}\n`);
}
process.exit(0);
