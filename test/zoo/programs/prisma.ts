// Pothos' Prisma plugin with and without a cache, on PostgreSQL. Prints one line of JSON for each question.
import { PrismaPg } from '@prisma/adapter-pg';
import SchemaBuilder, { type PluginName } from '@pothos/core';
import PrismaPlugin from '@pothos/plugin-prisma';
import { createCache, createMemoryStore, createRedisStore, type Cache, type Codec } from 'cachepot/cache';
import CachePlugin, { cacheReportOf } from 'cachepot/pothos';
import { execute, parse, type GraphQLSchema } from 'graphql';
import { Prisma, PrismaClient } from './generated/client.js';
import { getDatamodel, type default as PrismaTypes } from './pothos-types.js';

const adapter = new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '' });
const prisma = new PrismaClient({ adapter, log: [{ emit: 'event', level: 'query' }] });
let queries = 0;
prisma.$on('query', () => (queries += 1));

const decimal: Codec<Prisma.Decimal, string> = {
  name: 'prisma/Decimal',
  test: (value) => Prisma.Decimal.isDecimal(value),
  encode: (value) => value.toJSON(),
  decode: (text) => new Prisma.Decimal(text),
};

interface Types {
  PrismaTypes: PrismaTypes;
  Scalars: {
    Decimal: { Input: Prisma.Decimal; Output: Prisma.Decimal };
    BigInt: { Input: bigint; Output: bigint };
    DateTime: { Input: Date; Output: Date };
  };
}

/** @param selection Whether the key of a cached field contains which fields are selected below it. */
function schemaOf(plugins: PluginName[], engine: Cache | undefined, selection: boolean): GraphQLSchema {
  const builder = new SchemaBuilder<Types>({ plugins, prisma: { client: prisma, dmmf: getDatamodel() } });
  builder.scalarType('Decimal', { serialize: (value) => value.toFixed(2) });
  builder.scalarType('BigInt', { serialize: (value) => value.toString() });
  builder.scalarType('DateTime', { serialize: (value) => value.toISOString() });
  builder.prismaObject('User', {
    fields: (t) => ({
      name: t.exposeString('name'),
      posts: t.relation('posts', { query: { orderBy: { id: 'asc' } } }),
      postCount: t.relationCount('posts'),
    }),
  });
  builder.prismaObject('Post', {
    fields: (t) => ({
      title: t.exposeString('title'),
      price: t.expose('price', { type: 'Decimal' }),
      views: t.expose('views', { type: 'BigInt' }),
      at: t.expose('at', { type: 'DateTime' }),
      author: t.relation('author'),
    }),
  });
  const cache = { ttl: '60s', scope: 'public', tags: ['User', 'Post'], selection } as const;
  builder.queryType({
    fields: (t) => ({
      users: t.prismaField({
        type: ['User'],
        cache,
        resolve: (query) => prisma.user.findMany({ ...query, orderBy: { id: 'asc' } }),
      }),
      user: t.prismaField({
        type: 'User',
        nullable: true,
        cache,
        args: { id: t.arg.int({ required: true }) },
        resolve: (query, _parent, { id }) => prisma.user.findUnique({ ...query, where: { id } }),
      }),
      dear: t.field({
        type: ['Decimal'],
        cache,
        resolve: async () => (await prisma.post.findMany({ orderBy: { id: 'asc' } })).map(({ price }) => price),
      }),
    }),
  });
  return builder.toSchema({ cache: { engine } });
}

async function ask(schema: GraphQLSchema, query: string): Promise<object> {
  const contextValue = {};
  queries = 0;
  const result = await execute({ schema, document: parse(query), contextValue });
  const rows = cacheReportOf(contextValue)?.fields ?? [];
  const states = rows.map(({ state, notStored }) => (notStored === undefined ? state : `${state}: ${notStored}`));
  return { answer: JSON.stringify(result), states: states.join(), queries };
}

const documents = [
  '{ users { name posts { title price views at author { name } } postCount } }',
  '{ users { name } }',
  '{ user(id: 1) { name posts { title } } }',
  '{ user(id: 9) { name } }',
  '{ dear }',
];

async function newCache(tier: string): Promise<Cache> {
  const store =
    tier === 'redis'
      ? await createRedisStore({ address: process.env['REDIS_URL'] ?? '', namespace: 'prisma', deadlineMs: 20_000 })
      : createMemoryStore({ namespace: 'prisma' });
  return createCache({ store, codecs: [decimal], deadlineMs: 20_000, log: false });
}

const orders: Record<string, PluginName[]> = {
  before: [PrismaPlugin, CachePlugin],
  after: [CachePlugin, PrismaPlugin],
};
for (const tier of ['memory', 'redis']) {
  for (const [order, plugins] of Object.entries(orders)) {
    for (const selection of [true, false]) {
      const engine = await newCache(tier);
      await engine.flush();
      const uncached = schemaOf(plugins, undefined, selection);
      const cached = schemaOf(plugins, engine, selection);
      for (const document of documents) {
        const expected = await ask(uncached, document);
        const answers = [await ask(cached, document), await ask(cached, document), await ask(cached, document)];
        process.stdout.write(`${JSON.stringify({ tier, order, selection, document, expected, answers })}\n`);
      }
      await engine.close();
    }
  }
}
await prisma.$disconnect();
