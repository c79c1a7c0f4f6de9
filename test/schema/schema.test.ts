import { readFile } from 'node:fs/promises';
import {
  buildSchema,
  isIntrospectionType,
  isSpecifiedScalarType,
  lexicographicSortSchema,
  printSchema,
  printType,
  type GraphQLDirective,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, it } from 'vitest';
import { createSchema } from '../../schema/index.ts';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';

/** What external programs rely on. A change here breaks them. */
const contract = lexicographicSortSchema(
  buildSchema(`
  directive @cache(mode: CacheMode! = USE) on FIELD | QUERY
  enum CacheMode { USE BYPASS REFRESH }
  scalar Decimal

  type Query {
    categoryStats: [CategoryStats!]!
    searchProducts(q: String! = "", categoryId: Int, limit: Int! = 50): [Product!]!
    topProducts(perCategory: Int! = 3, minReviews: Int! = 5): [TopProduct!]!
    cacheStats: CacheStats!
    console: ConsoleSettings!
    cacheSnapshot(since: Float): CacheSnapshot!
  }
  type Mutation {
    flushCache: FlushResult! stopRedis: Boolean! startRedis: Boolean!
    createProduct(input: CreateProductInput!): CreateProductResult!
    updateProduct(id: Int!, input: UpdateProductInput!): UpdateProductResult!
    deleteProduct(id: Int!): DeleteProductResult!
    addReview(productId: Int!, rating: Int!, comment: String): AddReviewResult!
  }
  input CreateProductInput {
    name: String! description: String! = "" price: Decimal! stock: Int! = 0 categoryId: Int!
  }
  input UpdateProductInput { name: String description: String price: Decimal stock: Int categoryId: Int }
  union CreateProductResult = Product | InvalidInput | CategoryNotFound
  union UpdateProductResult = Product | InvalidInput | ProductNotFound | CategoryNotFound
  union DeleteProductResult = DeletedProduct | ProductNotFound
  union AddReviewResult = Review | InvalidInput | ProductNotFound
  type DeletedProduct { id: Int! reviewsDeleted: Int! }
  interface ShopError { message: String! }
  type InvalidInput implements ShopError { message: String! problems: [InputProblem!]! }
  type InputProblem { field: String! expected: String! received: String! }
  type ProductNotFound implements ShopError { message: String! id: Int! }
  type CategoryNotFound implements ShopError { message: String! id: Int! }
  type Subscription { cacheEvents(since: Float): CacheSnapshot! }
  type CategoryStats {
    id: Int! name: String! productCount: Int! reviewCount: Int! avgRating: Float
    avgPrice: Decimal minPrice: Decimal maxPrice: Decimal totalStock: Int!
  }
  type Product {
    id: Int! name: String! description: String! price: Decimal! stock: Int! category: Category!
    reviews(limit: Int! = 5): [Review!]!
  }
  type Category { id: Int! name: String! products(limit: Int! = 20): [Product!]! }
  type Review { id: Int! rating: Int! comment: String createdAt: String! }
  type TopProduct {
    id: Int! name: String! price: Decimal! category: String! reviewCount: Int! avgRating: Float! rankInCategory: Int!
  }
  type CacheStats {
    hits: Float! misses: Float! hitRate: Float! memoryUsed: Float! keys: Int! backend: CacheBackend!
    changeFeed: ChangeFeedStats
    fields: [FieldCacheStats!]!
  }
  type ChangeFeedStats {
    state: ChangeFeedState! transactions: Float! invalidations: Float! retries: Float!
    lagMs: Float! lagBytes: Float! retainedBytes: Float
  }
  enum ChangeFeedState { STARTING READING WAITING INTERRUPTED OFF CLOSED }
  type FieldCacheStats {
    field: String! hits: Float! misses: Float! loads: Float! meanLoadMs: Float! savedMs: Float!
  }
  type FlushResult { keysRemoved: Int! }
  enum CacheBackend { REDIS MEMORY }
  type CacheSnapshot {
    at: Float! hits: Float! misses: Float! loads: Float! keys: Int memoryUsed: Float backend: CacheBackend!
    isStoreAvailable: Boolean! isCircuitOpen: Boolean! events: [CacheEvent!]!
  }
  type CacheEvent { at: Float! kind: CacheEventKind! detail: String! }
  enum CacheEventKind {
    FLUSH INVALIDATION STORE_UNAVAILABLE STORE_AVAILABLE CIRCUIT_OPENED CIRCUIT_CLOSED
  }
  type ConsoleSettings {
    simulatedLatency: [SimulatedLatency!]! hasPrivateRedis: Boolean! redisCli: String
  }
  type SimulatedLatency { field: String! ms: Int! }
`),
);

/** What exists for the console alone. */
const consoleTypes = [
  ...[
    'CacheSnapshot',
    'CacheEvent',
    'CacheEventKind',
    'ConsoleSettings',
    'SimulatedLatency',
    'CacheMode',
    'Subscription',
  ],
];
const consoleFields = ['Query.console', 'Query.cacheSnapshot', 'Mutation.stopRedis', 'Mutation.startRedis'];

const cache = createCache({ store: createMemoryStore({ namespace: 'test' }) });
const ours = createSchema({ cache, ttlMs: 60_000, hasConsole: true });

describe('the contract', () => {
  const names = Object.keys(contract.getTypeMap()).filter((name) => !name.startsWith('__'));

  it.each(names)('%s has the members, types, nullability and defaults of the contract', (name) => {
    expect(membersOf(ours, name)).toEqual(membersOf(contract, name));
  });

  it('includes every type of the schema', () => {
    const others = Object.values(ours.getTypeMap()).filter(
      (type) => !isSpecifiedScalarType(type) && !isIntrospectionType(type),
    );
    for (const { name } of others) expect(names).toContain(name);
  });

  it('includes every directive of the schema: @cache on fields and queries, and those of GraphQL itself', () => {
    const ofName = (schema: GraphQLSchema, name: string): unknown => definitionOf(schema.getDirective(name));
    for (const { name } of contract.getDirectives()) expect(ofName(ours, name)).toEqual(ofName(contract, name));
    expect(ours.getDirectives()).toHaveLength(contract.getDirectives().length);
  });
});

describe('without a console', () => {
  const open = createSchema({ cache, ttlMs: 60_000, hasConsole: false });

  it('the schema lacks what exists for the console alone, and nothing else', () => {
    const namesIn = (schema: GraphQLSchema): string[] =>
      Object.values(schema.getTypeMap()).flatMap((type) => [
        type.name,
        ...('getFields' in type ? Object.keys(type.getFields()).map((field) => `${type.name}.${field}`) : []),
      ]);
    const isOfConsole = (name: string): boolean =>
      consoleFields.includes(name) || consoleTypes.includes(name.split('.')[0] ?? '');
    expect(namesIn(open).toSorted()).toEqual(
      namesIn(ours)
        .filter((name) => !isOfConsole(name))
        .toSorted(),
    );
    expect(open.getDirectives().map(({ name }) => name)).toEqual(
      ours.getDirectives().flatMap(({ name }) => (name === 'cache' ? [] : [name])),
    );
  });
});

it('schema.graphql contains what npm run schema prints', async () => {
  const committed = await readFile(new URL('../../schema/schema.graphql', import.meta.url), 'utf8');
  expect(committed).toBe(`${printSchema(ours)}\n`);
});

/** The SDL of a type without descriptions, its members in the order of their names. */
function membersOf(schema: GraphQLSchema, name: string): string[] {
  const type = schema.getType(name);
  if (type === undefined) return [];
  const text = printType(type)
    .replaceAll(/^ *"""(?:[^"]|"(?!""))*"""\n/gm, '')
    .replaceAll(/\((\n[^)]*)\)/g, (_all, args: string) => `(${args.trim().split(/\n\s*/).filter(Boolean).join(', ')})`);
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .toSorted();
}

function definitionOf(directive: GraphQLDirective | null | undefined): unknown {
  if (!directive) return undefined;
  const args = directive.args.map(({ name, type, defaultValue }) => [
    name,
    String(type),
    String(defaultValue).toUpperCase(),
  ]);
  return { args, locations: directive.locations, isRepeatable: directive.isRepeatable };
}
