// During a rolling deploy, two versions of a schema use one Redis. Neither reads what the other has stored in another shape, and what a
// mutation of either changes is loaded again by both.
import type { Cache } from 'cachepot/cache';
import type { GraphQLSchema } from 'graphql';
import { expect, it } from 'vitest';
import { ask, newEngine, newNamespace, type Answer } from '../engines.ts';
import { schemaOf } from './world.ts';

/** The versions of a type and of what its resolver returns; each is deployed after the one above it. */
const versions = [
  { type: 'price: Int!', product: (price: number): object => ({ price }) },
  { type: 'price: String!', product: (price: number): object => ({ price: `${price} €` }) },
  { type: 'price: Float', product: (price: number): object => ({ price: price / 2 }) },
  { type: 'price(unit: Unit = EUR): Float', product: (price: number): object => ({ price: price / 4 }) },
  { type: 'price: Price!', product: (price: number): object => ({ price: { amount: price } }), fields: '{ amount }' },
  {
    type: 'price: [Price!]!',
    product: (price: number): object => ({ price: [{ amount: price }] }),
    fields: '{ amount }',
  },
] as const;

const sdl = (type: string): string => /* GraphQL */ `
  enum Unit { EUR USD }
  type Price { amount: Int! }
  type Product { ${type} }
  type Query { product: Product! unchanged: Int! unit: Unit! }
  type Mutation { raise: Int! }
`;

it('each version has the values of its own shape, and all have the changes of every other', async () => {
  const namespace = newNamespace();
  let price = 1;
  const newVersion = (engine: Cache, { type, product }: (typeof versions)[number]): GraphQLSchema =>
    schemaOf(engine, sdl(type), (cached) => ({
      Query: {
        product: cached(() => product(price), { tags: ['products'] }),
        unchanged: cached(() => price, { tags: ['products'] }),
      },
      Mutation: {
        raise: async () => {
          price += 1;
          await engine.invalidate(['products']);
          return price;
        },
      },
    }));
  const processes = await Promise.all(
    versions.map(async (version) => ({
      schema: newVersion(await newEngine('Redis', { namespace }), version),
      text: `{ product { price ${'fields' in version ? version.fields : ''} } unchanged }`,
      expected: () => ({ product: version.product(price), unchanged: price }),
    })),
  );
  const askAll = async (): Promise<readonly Answer[]> => {
    const answers = [];
    for (const { schema, text } of processes) answers.push(await ask(schema, text));
    for (const [index, { data, errors }] of answers.entries())
      expect([data, errors]).toEqual([processes[index]?.expected(), []]);
    return answers;
  };
  const states = async (): Promise<readonly string[]> => (await askAll()).map((answer) => answer.states);
  // What has the same shape in all versions is shared.
  const afterChange = ['miss miss', ...versions.slice(1).map(() => 'miss hit')];
  expect(await states()).toEqual(afterChange);
  expect(await states()).toEqual(versions.map(() => 'hit hit'));
  for (const { schema } of processes) {
    await ask(schema, 'mutation { raise }');
    expect(await states()).toEqual(afterChange);
  }
  expect(await states()).toEqual(versions.map(() => 'hit hit'));
});
