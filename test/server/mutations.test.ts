// The shop's mutations: what they return, and each error as a type. What they invalidate is in mutations-freshness.test.ts.
import { describe, expect, it } from 'vitest';
import { newShop } from '../database/shop-database.ts';
import { mutate, mutations } from './mutate.ts';
import { send } from './raw-request.ts';
import { startServer, type Overrides, type RunningServer } from './start-server.ts';

const intMax = 2_147_483_647;
const unknown = 999;
const garden = { id: 1, name: 'Garden' };
const tools = { id: 2, name: 'Tools' };
const id = expect.any(Number) as number;

/** A server on a shop of its own, with the products 11 (two reviews) and 12. */
async function shopServer(overrides: Overrides = {}): Promise<RunningServer> {
  const { url } = await newShop({
    categories: [garden, tools],
    products: [
      { id: 11, category_id: 1, name: 'spade', price: '10.00', stock: 3 },
      { id: 12, category_id: 2, name: 'saw', price: '20.00', stock: 5 },
    ],
    reviews: [2, 3].map((rating) => ({ id: 100 + rating, product_id: 11, rating })),
  });
  return await startServer({ databaseUrl: url, ...overrides });
}

describe('createProduct', () => {
  it('returns the new product, with the defaults of what is absent', async () => {
    const server = await shopServer();
    const result = await mutate(server, 'createProduct', { input: { name: ' lamp\n', price: '5', categoryId: 1 } });
    const lamp = { name: 'lamp', description: '', price: '5.00', stock: 0, category: garden, reviews: [] };
    expect(result).toEqual({ __typename: 'Product', id, ...lamp });
  });

  it('returns CategoryNotFound for an unknown category', async () => {
    const server = await shopServer();
    const input = { name: 'lamp', price: '5', categoryId: unknown };
    expect(await mutate(server, 'createProduct', { input })).toEqual({
      __typename: 'CategoryNotFound',
      message: 'Expected the id of an existing category, got 999.',
      missing: unknown,
    });
  });

  it('reports the problems of all fields', async () => {
    const server = await shopServer();
    const input = { name: ' ', description: 'x'.repeat(5_001), price: '-1', stock: -1, categoryId: 1 };
    const result = await mutate(server, 'createProduct', { input });
    expect(result).toMatchObject({ __typename: 'InvalidInput' });
    expect(result['problems']).toMatchObject([
      { field: 'name', received: '" "' },
      { field: 'description', received: expect.stringMatching(/^"x{60}"… \(5001 characters\)$/) },
      { field: 'price', received: '"-1.00"' },
      { field: 'stock', received: '-1' },
    ]);
  });
});

describe('updateProduct', () => {
  it('changes what it is given, and returns the product with its reviews', async () => {
    const server = await shopServer();
    const spade = { id: 11, name: 'spade', description: '', stock: 3, category: garden };
    expect(await mutate(server, 'updateProduct', { id: 11, input: { price: '12.5' } })).toEqual({
      __typename: 'Product',
      ...spade,
      price: '12.50',
      reviews: [3, 2].map((rating) => ({ rating, comment: null })),
    });
    const input = { name: 'rake', description: ' For leaves. ', price: '0', stock: 0, categoryId: 2 };
    const { categoryId: _, ...values } = input;
    const rake = { ...values, price: '0.00', category: tools };
    expect(await mutate(server, 'updateProduct', { id: 11, input })).toMatchObject({ id: 11, ...rake });
  });

  it.each([
    [
      'an unknown product',
      unknown,
      { stock: 1 },
      'ProductNotFound',
      'Expected the id of an existing product, got 999.',
    ],
    [
      'an unknown category',
      11,
      { categoryId: -1 },
      'CategoryNotFound',
      'Expected the id of an existing category, got -1.',
    ],
    ['no field', 11, {}, 'InvalidInput', 'input must be an object with at least one field, got {}.'],
  ])('returns an error for %s', async (_, product, input, __typename, message) => {
    const server = await shopServer();
    expect(await mutate(server, 'updateProduct', { id: product, input })).toMatchObject({ __typename, message });
  });

  it.each([
    ['name', null],
    ['name', ''],
    ['name', '\t \u00A0'],
    ['name', 'a\0b'],
    ['name', 'x'.repeat(201)],
    ['description', null],
    ['description', 'a\0'],
    ['description', 'x'.repeat(5_001)],
    ['price', null],
    ['price', '-0.01'],
    ['price', '100000000'],
    ['price', '9'.repeat(50_000)],
    ['stock', null],
    ['stock', -1],
    ['categoryId', null],
  ])('returns InvalidInput for the %s %j, and changes nothing', async (field, value) => {
    const server = await shopServer();
    const before = await server.ask('{ searchProducts { id name description price stock category { id } } }');
    const input = { name: 'rake', stock: 9, [field]: value };
    const { problems } = await mutate(server, 'updateProduct', { id: 11, input });
    expect(problems).toEqual([{ field, expected: expect.any(String), received: expect.any(String) }]);
    expect(JSON.stringify(problems).length).toBeLessThan(400);
    const after = await server.ask(
      '{ searchProducts @cache(mode: BYPASS) { id name description price stock category { id } } }',
    );
    expect(after.data).toEqual(before.data);
  });

  it.each<[string, unknown, unknown?]>([
    ['name', 'x'.repeat(200)],
    ['name', '🪴'.repeat(200)],
    ['name', `  ${'x'.repeat(200)}  `, 'x'.repeat(200)],
    ['description', 'x'.repeat(5_000)],
    ['description', ''],
    ['price', '99999999.99'],
    ['price', '000000000000.1', '0.10'],
    ['stock', intMax],
  ])('accepts the %s %j', async (field, value, stored = value) => {
    const server = await shopServer();
    expect(await mutate(server, 'updateProduct', { id: 11, input: { [field]: value } })).toMatchObject({
      [field]: stored,
    });
  });
});

describe('a Decimal', () => {
  const invalid = [
    '',
    ' 1',
    '1 ',
    '1.',
    '.5',
    '1.234',
    '1e3',
    'NaN',
    'Infinity',
    '+1',
    '--1',
    '1,5',
    '0x1',
    '١',
    1,
    1.5,
    true,
  ];

  it.each([...invalid, ['1'], { a: 1 }, `${'0'.repeat(90_000)}x`])(
    'must be text with at most two places, not %j',
    async (price) => {
      const server = await shopServer();
      const { data, errors } = await server.ask(mutations.updateProduct, { id: 11, input: { price } });
      expect(data).toBeUndefined();
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      expect(errors[0]?.message).toMatch(/Decimal must be text with at most two places such as "12.30", got /);
    },
  );

  it('must be text in the document, too', async () => {
    const server = await shopServer();
    const withPrice = (price: string): string =>
      `mutation { updateProduct(id: 11, input: { price: ${price} }) { ... on Product { price } } }`;
    expect((await server.ask(withPrice('"1.5"'))).data).toEqual({ updateProduct: { price: '1.50' } });
    const { errors } = await server.ask(withPrice('1.5'));
    expect(errors[0]?.message).toContain('got 1.5');
  });
});

describe('deleteProduct', () => {
  it('returns the number of reviews that were deleted with it; the second time there is no product', async () => {
    const server = await shopServer();
    const deleted = { __typename: 'DeletedProduct', id: 11, reviewsDeleted: 2 };
    expect(await mutate(server, 'deleteProduct', { id: 11 })).toEqual(deleted);
    const missing = { __typename: 'ProductNotFound', missing: 11 };
    expect(await mutate(server, 'deleteProduct', { id: 11 })).toMatchObject(missing);
    expect(await mutate(server, 'deleteProduct', { id: 12 })).toMatchObject({ id: 12, reviewsDeleted: 0 });
  });
});

describe('addReview', () => {
  it.each([
    ['a text', 'Sharp.', 'Sharp.'],
    ['2,000 characters', '🪴'.repeat(2_000), '🪴'.repeat(2_000)],
    ['null', null, null],
    ['nothing', undefined, null],
  ])('returns the new review, with %s as its comment', async (_, comment, stored) => {
    const server = await shopServer();
    const createdAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;
    const review = { __typename: 'Review', id, rating: 5, comment: stored, createdAt };
    expect(await mutate(server, 'addReview', { productId: 12, rating: 5, comment })).toEqual(review);
  });

  it.each([
    [{ rating: 0 }, 'rating must be a whole number from 1 to 5, got 0.'],
    [{ rating: 6 }, 'rating must be a whole number from 1 to 5, got 6.'],
    [{ comment: '\0' }, 'comment must be text of 0 to 2000 characters without U+0000, got "\\u0000".'],
    [{ comment: 'x'.repeat(2_001) }, expect.stringContaining('(2001 characters)')],
  ])('returns InvalidInput for %j', async (values, message) => {
    const server = await shopServer();
    const result = await mutate(server, 'addReview', { productId: unknown, rating: 5, ...values });
    expect(result).toMatchObject({ __typename: 'InvalidInput', message });
  });

  it('returns ProductNotFound for an unknown product', async () => {
    const server = await shopServer();
    const result = await mutate(server, 'addReview', { productId: unknown, rating: 5 });
    expect(result).toMatchObject({ __typename: 'ProductNotFound', missing: unknown });
  });
});

describe('a document', () => {
  it.each([intMax + 1, '11', 1.5, null])('must give an id that is an Int, not %j', async (product) => {
    const server = await shopServer();
    const { data, errors } = await server.ask(mutations.deleteProduct, { id: product });
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('makes fewer than 50 writes', async () => {
    const server = await shopServer();
    const reviews = (count: number): string => {
      const fields = Array.from(
        { length: count },
        (_, index) => `a${index}: addReview(productId: 12, rating: 5) { __typename }`,
      );
      return `mutation { ${fields.join(' ')} }`;
    };
    expect((await server.ask(reviews(50))).errors).toMatchObject([{ extensions: { code: 'QUERY_TOO_COMPLEX' } }]);
    const { data } = await server.ask(reviews(49));
    expect(Object.keys(data)).toHaveLength(49);
    expect(await mutate(server, 'deleteProduct', { id: 12 })).toMatchObject({ reviewsDeleted: 49 });
  });

  it('with several mutations runs them in order, each in a transaction of its own', async () => {
    const server = await shopServer();
    const { data, errors } = await server.ask(`mutation {
      one: updateProduct(id: 11, input: { stock: 1 }) { __typename }
      two: deleteProduct(id: 999) { __typename }
      three: updateProduct(id: 11, input: { price: "1.00" }) { ... on Product { stock price } }
    }`);
    expect(errors).toEqual([]);
    expect(data).toMatchObject({ two: { __typename: 'ProductNotFound' }, three: { stock: 1, price: '1.00' } });
  });
});

describe.each(Object.entries(mutations))('%s', (name, query) => {
  const variables = {
    createProduct: { input: { name: 'lamp', price: '5', categoryId: 1 } },
    updateProduct: { id: 11, input: { stock: 1 } },
    deleteProduct: { id: 11 },
    addReview: { productId: 11, rating: 5 },
  }[name];
  const body = JSON.stringify({ query, variables });
  const json = { 'content-type': 'application/json' };

  it('is not run by GET', async () => {
    const server = await shopServer();
    const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
    server.statements();
    expect((await server.get(`/graphql?${String(search)}`)).status).toBe(405);
    expect(server.statements()).toEqual([]);
  });

  it.each([
    ['the console is on and there is a token', { adminToken: 'secret' }],
    ['the console is off', { adminToken: 'secret', hasConsole: false }],
  ])('needs the token if %s', async (_, overrides) => {
    const server = await shopServer(overrides);
    server.statements();
    expect((await send(server.url, { body, headers: json })).status).toBe(401);
    const wrong = { ...json, authorization: 'Bearer Secret' };
    expect((await send(server.url, { body, headers: wrong })).status).toBe(401);
    expect(server.statements()).toEqual([]);
    const { status, text } = await send(server.url, { body, headers: { ...json, authorization: 'Bearer secret' } });
    expect([status, text]).toEqual([200, expect.not.stringContaining('errors')]);
  });

  it('needs no token if the console is on and there is none', async () => {
    const server = await shopServer();
    const { data, errors } = await server.ask(query, variables);
    expect([Object.keys(data), errors]).toEqual([[name], []]);
  });
});
