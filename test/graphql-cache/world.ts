// Plain GraphQL.js schemas whose resolvers `cacheResolver` wraps, over a cache of their own.
import { buildSchema, isObjectType, type GraphQLFieldResolver, type GraphQLSchema } from 'graphql';
import {
  cacheResolver,
  type FieldCacheOptions,
  type ResolverCacheOptions,
  type SchemaCacheOptions,
} from '../../src/graphql-cache/index.ts';
import { newWorld, type World } from '../cache/world.ts';
import { runOn, type RequestContext, type RunResult } from '../pothos-cache/world.ts';

export type Resolve = GraphQLFieldResolver<unknown, RequestContext>;
export type Wrap = (
  options: Partial<FieldCacheOptions<never, never, RequestContext>> & Partial<SchemaCacheOptions<RequestContext>>,
  resolve: Resolve,
) => Resolve;

export interface PlainWorld extends World {
  readonly schema: GraphQLSchema;
  readonly run: (text: string, variables?: Record<string, unknown>, context?: RequestContext) => Promise<RunResult>;
  /** The schema digests in the keys of what `text` requests. */
  readonly digests: (text: string) => Promise<readonly string[]>;
}

/** Returns a schema with these resolvers, by type and field. */
export function schemaOf(
  sdl: string,
  resolvers: Readonly<Record<string, Readonly<Record<string, Resolve>>>>,
): GraphQLSchema {
  const schema = buildSchema(sdl);
  for (const [typeName, fields] of Object.entries(resolvers)) {
    const type = schema.getType(typeName);
    if (!isObjectType(type)) throw new Error(`no type ${typeName}`);
    for (const [name, resolve] of Object.entries(fields)) Object.assign(type.getFields()[name] ?? {}, { resolve });
  }
  return schema;
}

/** Wraps for `world.cache`; public, and fresh for a minute, unless the options say otherwise. */
export function wrapFor({ cache }: Pick<World, 'cache'>): Wrap {
  return (options, resolve) => {
    const all = { engine: cache, ttl: '60s', scope: 'public', ...options } as ResolverCacheOptions;
    return cacheResolver(all, resolve as never);
  };
}

/** @param resolvers Returns them; `wrap` wraps them for the cache. */
export async function newPlainSchema(
  sdl: string,
  resolvers: (wrap: Wrap, world: World) => Readonly<Record<string, Readonly<Record<string, Resolve>>>>,
): Promise<PlainWorld> {
  const world = await newWorld('memory', { namespace: 'shop' });
  const schema = schemaOf(sdl, resolvers(wrapFor(world), world));
  const run: PlainWorld['run'] = (...request) => runOn(schema, ...request);
  const digests = async (text: string): Promise<readonly string[]> =>
    (await run(text)).rows.map(({ key }) => key.split(':')[1] ?? '');
  return { ...world, schema, run, digests };
}
