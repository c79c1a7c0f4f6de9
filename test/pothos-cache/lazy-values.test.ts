// Resolvers that return thenables whose work starts when their `then` is called, as the ORMs' queries do.
import { execute, parse, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import { lazy, lazyKinds } from '../support/lazy.ts';
import { turn } from '../cache/world.ts';
import { newSchema, type Asker, type SchemaWorld } from './world.ts';

const ofEveryone = { ttl: '60s', scope: 'public' } as const;
const ofOne = { ttl: '60s', scope: 'private' } as const;
const options = { viewer: ({ viewer }: Asker) => viewer, viewerProperties: ['viewer'] } as const;

async function newOrders(lazyOf: (work: () => unknown) => unknown): Promise<SchemaWorld & { reads: () => number }> {
  let reads = 0;
  const orders = (context: Asker): string =>
    // What the types of GraphQL and Pothos want is what the thenable resolves with.
    lazyOf(async () => {
      reads += 1;
      await turn();
      return `orders of ${context.viewer}`;
    }) as string;
  const world = await newSchema((builder) => {
    builder.queryFields((t) => ({
      mine: t.string({ cache: ofEveryone, resolve: (_, _args, context) => orders(context) }),
      list: t.stringList({ cache: ofEveryone, resolve: (_, _args, context) => [orders(context), 'x'] }),
      ofOne: t.string({ cache: ofOne, resolve: (_, _args, context) => orders(context) }),
      listOfOne: t.stringList({ cache: ofOne, resolve: (_, _args, context) => [orders(context)] }),
      // Its key cannot be made, so it is answered uncached.
      keyless: t.string({
        cache: { ...ofOne, vary: () => Symbol('none') as never },
        resolve: (_, _args, c) => orders(c),
      }),
      around: t.string({
        args: { text: t.arg.string({ required: true }) },
        cache: ofEveryone,
        resolve: async (_, { text }, contextValue) =>
          JSON.stringify(await execute({ schema: schemaOf(), document: parse(text), contextValue })),
      }),
    }));
  }, options);
  const schemaOf = (): GraphQLSchema => world.schema;
  return { ...world, reads: () => reads };
}

describe.each(Object.entries(lazyKinds))('a resolver that returns %s', (_kind, lazyOf) => {
  it.each(['mine', 'list', 'ofOne', 'listOfOne'])('gives %s of the one to nobody else', async (field) => {
    const { run, reads } = await newOrders(lazyOf);
    const asked = ['alice', 'bob', null];
    for (const [index, viewer] of asked.entries()) {
      const { result } = await run(`{ ${field} }`, {}, { viewer });
      expect(JSON.stringify(result)).toContain(`orders of ${viewer}`);
      expect(reads()).toBe(index + 1);
    }
    const all = await Promise.all(asked.map((viewer) => run(`{ ${field} }`, {}, { viewer })));
    for (const [index, { result }] of all.entries()) expect(JSON.stringify(result)).toContain(`of ${asked[index]}`);
  });

  it.each(['mine', 'ofOne', 'list', 'listOfOne', 'keyless'])('nor %s inside of another field', async (field) => {
    const { run, trace } = await newOrders(lazyOf);
    for (const viewer of ['alice', 'bob', null]) {
      const { result } = await run(`{ around(text: "{ ${field} }") }`, {}, { viewer });
      expect(JSON.stringify(result)).toContain(`orders of ${viewer}`);
    }
    expect(trace.events.some((event) => event.type === 'write' && event.field === 'Query.around')).toBe(false);
  });
});

it('an item that rejects is an error at its own place, on a hit as on a miss', async () => {
  const { run, trace } = await newSchema((builder) => {
    builder.queryFields((t) => ({
      items: t.field({
        type: ['String'],
        nullable: { list: false, items: true },
        cache: ofEveryone,
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
