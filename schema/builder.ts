import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import type { Cache, CacheStats } from '../src/cache/index.ts';
import type { Loaders, Shop } from '../src/database/index.ts';
import CachePlugin from '../src/pothos-cache/index.ts';

/** What a resolver has at hand. */
export interface ShopContext {
  readonly shop: Shop;
  /** This request's own. */
  readonly loaders: Loaders;
  readonly cache: Cache;
  readonly cacheStats: CacheStats;
  /** Who asks, as far as this shop knows: whoever holds the admin token, or anybody. */
  readonly viewer: 'admin' | undefined;
  /** The request as the server has it; undefined outside of one. */
  readonly req?: object;
}

/** Categories that a shop is taken to have, where the complexity of a document is estimated. */
export const categoriesAssumed = 10;

/** The schema's builder. The complexity of a field stands beside it; the server asks for the sum (`document-limits.ts`). */
export const builder = new SchemaBuilder<{
  Context: ShopContext;
  DefaultFieldNullability: false;
  Scalars: { Decimal: { Input: string; Output: string } };
}>({
  plugins: [ComplexityPlugin, CachePlugin],
  defaultFieldNullability: false,
  complexity: { disabled: true, defaultListMultiplier: categoriesAssumed },
});

builder.queryType({});
builder.mutationType({});
