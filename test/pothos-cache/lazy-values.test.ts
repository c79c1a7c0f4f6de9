// Resolvers that return thenables whose work starts when their `then` is called, as the queries of ORMs do.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { lazy, lazyKinds } from '../support/lazy.ts';
import { tick } from '../cache/world.ts';
import { newSchema, type RequestContext, type SchemaWorld } from './world.ts';

const publicCache = { ttl: '60s', scope: 'public' } as const;
const privateCache = { ttl: '60s', scope: 'private' } as const;
const options = { viewer: ({ viewer }: RequestContext) => viewer, viewerProperties: ['viewer'] } as const;

async function newOrders(lazyOf: (work: () => unknown) => unknown): Promise<SchemaWorld & { reads: () => number }> {
  let reads = 0;
  const orders = (context: RequestContext): string =>
    // The types of GraphQL and Pothos expect the value that the thenable resolves with.
    lazyOf(async () => {
      reads += 1;
      await tick();
      return `orders of ${context.viewer}`;
    }) as string;
  const world = await newSchema((builder) => {
    builder.queryFields((t) => ({
      mine: t.string({ cache: publicCache, resolve: (_, _args, context) => orders(context) }),
      list: t.stringList({ cache: publicCache, resolve: (_, _args, context) => [orders(context), 'x'] }),
      ofOne: t.string({ cache: privateCache, resolve: (_, _args, context) => orders(context) }),
      listOfOne: t.stringList({ cache: privateCache, resolve: (_, _args, context) => [orders(context)] }),
      // Its key cannot be computed, so it is resolved without the cache.
      keyless: t.string({
        cache: { ...privateCache, vary: () => Symbol('none') as never },
        resolve: (_, _args, c) => orders(c),
      }),
      around: t.string({
        args: { text: t.arg.string({ required: true }) },
        cache: publicCache,
        resolve: async (_, { text }, contextValue) =>
          JSON.stringify(await execute({ schema: schemaOf(), document: parse(text), contextValue })),
      }),
    }));
  }, options);
  const schemaOf = (): GraphQLSchema => world.schema;
  return { ...world, reads: () => reads };
}

describe.each(Object.entries(lazyKinds))('a resolver that returns %s', (_kind, lazyOf) => {
  it.each(['mine', 'list', 'ofOne', 'listOfOne'])('does not share the field %s between viewers', async (field) => {
    const { run, reads } = await newOrders(lazyOf);
    const viewers = ['alice', 'bob', null];
    for (const [index, viewer] of viewers.entries()) {
      const { result } = await run(`{ ${field} }`, {}, { viewer });
      expect(JSON.stringify(result)).toContain(`orders of ${viewer}`);
      expect(reads()).toBe(index + 1);
    }
    const all = await Promise.all(viewers.map((viewer) => run(`{ ${field} }`, {}, { viewer })));
    for (const [index, { result }] of all.entries()) expect(JSON.stringify(result)).toContain(`of ${viewers[index]}`);
  });

  it.each(['mine', 'ofOne', 'list', 'listOfOne', 'keyless'])(
    'keeps an outer field that executes { %s } from being stored',
    async (field) => {
      const { run, trace } = await newOrders(lazyOf);
      for (const viewer of ['alice', 'bob', null]) {
        const { result } = await run(`{ around(text: "{ ${field} }") }`, {}, { viewer });
        expect(JSON.stringify(result)).toContain(`orders of ${viewer}`);
      }
      expect(trace.events.some((event) => event.type === 'write' && event.field === 'Query.around')).toBe(false);
    },
  );
});

it('reports an item that rejects as an error at its own path, and does not store the list', async () => {
  const { run, trace } = await newSchema((builder) => {
    builder.queryFields((t) => ({
      items: t.field({
        type: ['String'],
        nullable: { list: false, items: true },
        cache: publicCache,
        resolve: () => ['a', lazy(() => Promise.reject(new Error('it broke'))) as unknown as string],
      }),
    }));
  });
  for (const _ of [1, 2]) {
    const { data, result } = await run('{ items }');
    expect(data).toEqual({ items: ['a', null] });
    expect(result.errors).toMatchObject([{ message: 'it broke', path: ['items', 1] }]);
  }
  expect(trace.count('write')).toBe(0);
});
