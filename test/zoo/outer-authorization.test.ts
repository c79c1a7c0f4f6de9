// Authorization that wraps a cached resolver runs on hits too.
import { makeExecutableSchema } from '@graphql-tools/schema';
import { createCache, createMemoryStore } from 'cachepot/cache';
import { cacheReportOf, cacheResolver } from 'cachepot/graphql';
import { graphql, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import * as nexus from 'nexus';
import { describe, expect, it } from 'vitest';
import type { Context } from './library.ts';

type Resolve = (parent: unknown, args: object, context: Context, info: GraphQLResolveInfo) => unknown;

const isAllowed = ({ user }: Context): boolean => user !== undefined;

const builders: Readonly<Record<string, (cached: Resolve) => GraphQLSchema>> = {
  "Nexus' authorize": (cached) => {
    const report = {
      resolve: cached,
      authorize: (_parent: unknown, _args: object, context: Context) => isAllowed(context),
    };
    return nexus.makeSchema({
      types: [nexus.queryType({ definition: (t) => t.string('report', report) })],
      plugins: [nexus.fieldAuthorizePlugin()],
      shouldGenerateArtifacts: false,
    });
  },
  'a resolver around the cached one': (cached) =>
    makeExecutableSchema<Context>({
      typeDefs: 'type Query { report: String }',
      resolvers: {
        Query: {
          report: (parent: unknown, args: object, context, info) => {
            if (!isAllowed(context)) throw new Error('Not authorized');
            return cached(parent, args, context, info);
          },
        },
      },
    }),
};

describe.each(Object.entries(builders))('%s', (_, build) => {
  it('rejects a request without a user, although the value is cached', async () => {
    const engine = createCache({ store: createMemoryStore({ namespace: 'authorized' }), log: false });
    const schema = build(cacheResolver({ engine, ttl: '5m', scope: 'public' }, () => 'secret'));
    const seen = [];
    for (const user of [{ id: '1', name: 'Ada' }, { id: '2', name: 'Bob' }, undefined]) {
      const contextValue = user === undefined ? {} : { user };
      const { data, errors } = await graphql({ schema, source: '{ report }', contextValue });
      const state = cacheReportOf(contextValue)?.fields[0]?.state;
      seen.push([data?.['report'], errors?.[0]?.message, state]);
    }
    expect(seen).toEqual([
      ['secret', undefined, 'miss'],
      ['secret', undefined, 'hit'],
      [null, 'Not authorized', undefined],
    ]);
  });
});
