import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import type { Cache, CacheStats } from '../src/cache/index.ts';
import type { ChangeFeed, Loaders, Shop } from '../src/database/index.ts';
import CachePlugin from '../src/pothos-cache/index.ts';
import type { ShopConsole } from './shop-console.ts';

/** What a resolver can use. */
export interface ShopContext {
  readonly shop: Shop;
  /** Of this request alone. */
  readonly loaders: Loaders;
  readonly cache: Cache;
  readonly cacheStats: CacheStats;
  /** Undefined if it is switched off. */
  readonly changeFeed?: ChangeFeed | undefined;
  /** Undefined if the schema has no console. */
  readonly shopConsole: ShopConsole | undefined;
  /** The viewer, as far as this shop knows: the holder of the admin token, or undefined. */
  readonly viewer: 'admin' | undefined;
  /** The server's request; undefined outside of one. */
  readonly req?: object;
}

/** The number of categories that is assumed when the complexity of a document is estimated. */
export const categoriesAssumed = 10;

/** The schema's builder. Each field states its complexity; the server limits the sum (`document-limits.ts`). */
export const builder = new SchemaBuilder<{
  Context: ShopContext;
  DefaultFieldNullability: false;
  Scalars: { Decimal: { Input: string; Output: string } };
}>({
  plugins: [ErrorsPlugin, ComplexityPlugin, CachePlugin],
  defaultFieldNullability: false,
  complexity: { disabled: true, defaultListMultiplier: categoriesAssumed },
  // A field with `errors` returns a union of its type and these errors: `updateProduct` returns an `UpdateProductResult`.
  errors: { directResult: true, defaultUnionOptions: { name: ({ fieldName }) => `${capitalized(fieldName)}Result` } },
});

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});

function capitalized(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
