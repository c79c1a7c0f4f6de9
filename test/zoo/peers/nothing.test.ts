// Null and empty lists are cached like everything else, and like everything else they are loaded again when something changes.
import { describe, expect, it } from 'vitest';
import { ask, engineNames, newEngine } from '../engines.ts';
import { schemaOf } from './world.ts';

const typeDefs = /* GraphQL */ `
  type Product {
    name: String!
  }
  type Ad {
    text: String!
  }
  union Item = Product | Ad
  type Query {
    product: Product
    products: [Product!]
    items: [Item!]!
    newest: Item
    ads: [Ad!]
  }
`;
const document = `{
  product { name } products { name } items { ...I } newest { ...I } ads { text }
} fragment I on Item { __typename ... on Product { name } ... on Ad { text } }`;

describe.each(engineNames)('on %s', (name) => {
  it('what was null or empty is found once it exists', async () => {
    const engine = await newEngine(name);
    const products: object[] = [];
    const ads: object[] = [];
    const items: object[] = [];
    const schema = schemaOf(engine, typeDefs, (cached) => ({
      Item: { __resolveType: (item: object) => ('text' in item ? 'Ad' : 'Product') },
      Query: {
        product: cached(() => products[0], { tags: ['products:1'] }),
        products: cached(() => (products.length === 0 ? null : products), { tags: ['products'] }),
        items: cached(() => items, { tags: ['products', 'ads'] }),
        newest: cached(() => items.at(-1) ?? null, { tags: ['products', 'ads'] }),
        ads: cached(() => (ads.length === 0 ? null : ads), { tags: ['ads'] }),
      },
    }));
    const nothing = { product: null, products: null, items: [], newest: null, ads: null };
    for (const states of ['miss miss miss miss miss', 'hit hit hit hit hit'])
      expect(await ask(schema, document)).toMatchObject({ data: nothing, states, errors: [] });

    const pot = { name: 'Pot' };
    products.push(pot);
    items.push(pot);
    await engine.invalidate(['products']);
    const potItem = { __typename: 'Product', ...pot };
    const withPot = { product: pot, products: [pot], items: [potItem], newest: potItem, ads: null };
    expect(await ask(schema, document)).toMatchObject({ data: withPot, states: 'miss miss miss miss hit' });

    const ad = { text: 'Buy pots' };
    ads.push(ad);
    items.push(ad);
    await engine.invalidate(['ads']);
    const adItem = { __typename: 'Ad', ...ad };
    const withAd = { ...withPot, items: [potItem, adItem], newest: adItem, ads: [ad] };
    for (const states of ['hit hit miss miss miss', 'hit hit hit hit hit'])
      expect(await ask(schema, document)).toMatchObject({ data: withAd, states });

    products.pop();
    items.shift();
    await engine.invalidate(['products:1']);
    const withoutPot = { product: null, products: null, items: [adItem], newest: adItem, ads: [ad] };
    expect(await ask(schema, document)).toMatchObject({ data: withoutPot, states: 'miss miss miss miss hit' });
  });
});
