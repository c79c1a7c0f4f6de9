// What the scenarios share: a schema in SDL whose resolvers are cached one by one, and a server that executes it.
import { makeExecutableSchema } from '@graphql-tools/schema';
import { useDeferStream } from '@graphql-yoga/plugin-defer-stream';
import type { Cache } from 'cachepot/cache';
import { cacheResolver, type ResolverCacheOptions } from 'cachepot/graphql';
import type { GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';

export interface Context {
  readonly user?: { readonly id: string } | undefined;
}

export type Resolve = (parent: never, args: never, context: Context, info: GraphQLResolveInfo) => unknown;

type Options = Partial<Omit<ResolverCacheOptions<never, never, Context>, 'engine'>>;

/** Caches a resolver: public and for a minute, unless the options say otherwise. */
export type Wrap = (resolve: Resolve, options?: Options) => Resolve;

/** @param engine Undefined: without a cache. */
export function schemaOf(
  engine: Cache | undefined,
  typeDefs: string,
  resolversOf: (wrap: Wrap) => Readonly<Record<string, unknown>>,
): GraphQLSchema {
  const wrap: Wrap = (resolve, options) => {
    if (engine === undefined) return resolve;
    const defaults = { engine, ttl: '60s', scope: 'public', viewer: ({ user }: Context) => user?.id } as const;
    return cacheResolver<never, never, Context, unknown>({ ...defaults, ...options }, resolve);
  };
  return makeExecutableSchema({ typeDefs, resolvers: resolversOf(wrap) as never });
}

/** Sends a body as a request of its own, of `user`; returns the text of the response. */
export type Send = (body: unknown, user?: string) => Promise<string>;

/** A server with batches and incremental delivery. */
export function serverOf(schema: GraphQLSchema): Send {
  const yoga = createYoga<object, Context>({
    schema,
    batching: true,
    logging: false,
    maskedErrors: false,
    context: ({ request }) => {
      const id = request.headers.get('user');
      return { user: id === null ? undefined : { id } };
    },
    plugins: [useDeferStream()],
  });
  return async (body, user) => {
    const accept = 'multipart/mixed, application/json';
    const headers = { 'content-type': 'application/json', accept, ...(user === undefined ? {} : { user }) };
    const response = await yoga.fetch('http://zoo/graphql', { method: 'POST', headers, body: JSON.stringify(body) });
    return response.text();
  };
}
