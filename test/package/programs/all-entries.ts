/**
 * A program that uses the entries of the package: a cached field whose rows come from PostgreSQL, values in Redis, a
 * DataLoader, and the tracer, without an SDK; and a schema without Pothos. It compiles to ES modules and to CommonJS. It prints, as JSON, the
 * states of four requests, the last of which follows an invalidation of the table, those of the other schema, and how many copies of @pothos/core are loaded (CommonJS
 * only).
 */
import SchemaBuilder from '@pothos/core';
import { createCache, createRedisStore, type Cache } from 'cachepot/cache';
import { touchedTables } from 'cachepot/kysely';
import { cacheResolver, checkCachedFields } from 'cachepot/graphql';
import { openTelemetryTracer } from 'cachepot/opentelemetry';
import CachePlugin, { cacheReportOf } from 'cachepot/pothos';
import DataLoader from 'dataloader';
import { graphql, GraphQLInt, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';

interface Database {
  products: { id: number; name: string };
  reviews: { id: number };
}

/** The states of requests to a schema without Pothos, the last of which follows a deletion, and the number of values deleted. */
async function plainStates(cache: Cache): Promise<unknown[]> {
  const resolve = cacheResolver(
    { engine: cache, ttl: '1m', scope: 'public' },
    (_parent: unknown, { by }: { by: number }) => 7 * by,
  );
  const args = { by: { type: GraphQLInt, defaultValue: 2 } };
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { seven: { type: GraphQLInt, args, resolve } } }),
  });
  checkCachedFields(schema);
  const ask = async (source: string): Promise<string | undefined> => {
    const contextValue = {};
    const { data } = await graphql({ schema, source, contextValue });
    return data?.['seven'] === 14 ? cacheReportOf(contextValue)?.fields[0]?.state : JSON.stringify(data);
  };
  return [
    await ask('{ seven }'),
    await ask('{ seven(by: 2) }'),
    await cache.delete('Query.seven'),
    await ask('{ seven }'),
  ];
}

async function main(): Promise<void> {
  const namespace = process.env['NAMESPACE'] ?? '';
  const store = await createRedisStore({ address: process.env['REDIS_URL'] ?? '', namespace });
  const tables = touchedTables(
    new PostgresDialect({ pool: new Pool({ connectionString: process.env['DATABASE_URL'] }) }),
  );
  // The deadline is long because the machine may be busy.
  const cache: Cache = createCache({
    store,
    knownTags: tables.tags,
    deadlineMs: 60_000,
    tracer: openTelemetryTracer(),
  });
  const db = new Kysely<Database>({ dialect: tables.dialect });
  await tables.read();
  const names = new DataLoader(async (ids: readonly number[]) => {
    const rows = await db.selectFrom('products').select(['id', 'name']).where('id', 'in', ids).execute();
    return ids.map((id) => rows.find((row) => row.id === id)?.name ?? new Error('unknown'));
  });
  const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
  builder.queryType({
    fields: (t) => ({
      name: t.string({
        args: { id: t.arg.int({ required: true }) },
        cache: { ttl: '1m', scope: 'public' },
        resolve: (_parent, { id }) => names.load(id),
      }),
    }),
  });
  const schema = builder.toSchema({ cache: { engine: cache } });
  const ask = async (): Promise<string | undefined> => {
    const contextValue = {};
    const { errors } = await graphql({
      schema,
      source: 'query ($id: Int!) { name(id: $id) }',
      variableValues: { id: 1 },
      contextValue,
    });
    return errors?.[0]?.message ?? cacheReportOf(contextValue)?.fields[0]?.state;
  };
  const states = [await ask(), await ask()];
  await cache.invalidate(['reviews']);
  states.push(await ask());
  await cache.invalidate(['products']);
  states.push(await ask());
  const copies =
    typeof require === 'undefined'
      ? []
      : Object.keys(require.cache).filter((path) => /@pothos.core.(lib|esm).index\.js$/.test(path));
  process.stdout.write(JSON.stringify({ states, plain: await plainStates(cache), copiesOfPothos: copies.length }));
  await cache.flush();
  await db.destroy();
  await store.close();
}

void main();
