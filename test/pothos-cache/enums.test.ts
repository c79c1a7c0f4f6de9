// Enums whose internal values are not their names: a deployment may change the values, and GraphQL recognises objects
// among them only by reference.
import { describe, expect, it } from 'vitest';
import { digestOf, newSchema } from './world.ts';

const cache = { ttl: '60s', scope: 'public' } as const;

interface Place {
  readonly output?: unknown;
  readonly input?: unknown;
  readonly unrelated?: unknown;
}

/** The digest of a schema with an enum in each place, in which the name `A` has the given value. */
async function digest({ output = 'A', input = 'A', unrelated = 'A' }: Place): Promise<string> {
  const { schema } = await newSchema((builder) => {
    const enumOf = (name: string, value: unknown) =>
      builder.enumType(name, { values: { A: { value: value as number }, B: { value: 'b' as never } } });
    const Kind = enumOf('Kind', output);
    const Order = enumOf('Order', input);
    const Other = enumOf('Other', unrelated);
    const Filter = builder.inputType('Filter', { fields: (t) => ({ order: t.field({ type: Order }) }) });
    const Stats = builder.objectRef<{ id: number }>('Stats').implement({
      fields: (t) => ({ label: t.string({ resolve: () => 'x' }), kind: t.field({ type: Kind, resolve: () => null }) }),
    });
    builder.queryField('stats', (t) =>
      t.field({ type: Stats, args: { filter: t.arg({ type: Filter }) }, cache, resolve: () => ({ id: 1 }) }),
    );
    builder.queryField('other', (t) => t.field({ type: Other, resolve: () => null }));
  });
  return digestOf(schema);
}

class Rate {
  readonly percent: number;
  constructor(percent: number) {
    this.percent = percent;
  }
}

describe('the schema digest', () => {
  it.each<[string, unknown, unknown]>([
    ['two numbers', 1, 2],
    ['a number and its string', 1, '1'],
    ['a number and a bigint', 1, 1n],
    ['zero and negative zero', 0, -0],
    ['the name and a number', 'A', 1],
    ['two strings', 'a', 'b'],
    ['two objects', { id: 1 }, { id: 2 }],
    ['objects that differ deep inside', { a: { b: { c: [1, { d: 1 }] } } }, { a: { b: { c: [1, { d: 2 }] } } }],
    ['lists of 200 items that differ in the last one', Array(200).fill(1), [...Array<number>(199).fill(1), 2]],
    ['long strings that differ in the last character', 'x'.repeat(20_000), `${'x'.repeat(19_999)}y`],
    ['two Dates', new Date(1), new Date(2)],
    ['two Maps', new Map([[1, 2]]), new Map([[1, 3]])],
    ['two instances of a class', new Rate(7), new Rate(19)],
    ['two symbols', Symbol('a'), Symbol('b')],
  ])('changes with the internal value, in stored values and in arguments: %s', async (_, before, after) => {
    for (const place of ['output', 'input'] as const) {
      expect(await digest({ [place]: after })).not.toBe(await digest({ [place]: before }));
      expect(await digest({ [place]: before })).toBe(await digest({ [place]: before }));
    }
    expect(await digest({ unrelated: before })).toBe(await digest({ unrelated: after }));
  });

  it('changes if two names exchange their internal values', async () => {
    const of = async (values: Record<string, { value: number }>): Promise<string> => {
      const { schema } = await newSchema((builder) => {
        const Kind = builder.enumType('Kind', { values });
        builder.queryField('stats', (t) => t.field({ type: Kind, cache, resolve: () => 1 as never }));
      });
      return digestOf(schema, '{ stats }');
    };
    expect(await of({ A: { value: 1 }, B: { value: 2 } })).not.toBe(await of({ A: { value: 2 }, B: { value: 1 } }));
  });
});

it('does not store a value that contains an internal object, because a copy would have no name', async () => {
  // Pothos' types allow only strings and numbers; GraphQL allows any value.
  const [euro, dollar] = [{ code: 'EUR' }, { code: 'USD' }] as unknown as [string, string];
  const { run, trace } = await newSchema((builder) => {
    const Currency = builder.enumType('Currency', { values: { EUR: { value: euro }, USD: { value: dollar } } });
    const Price = builder
      .objectRef<{ currency: string }>('Price')
      .implement({ fields: (t) => ({ currency: t.field({ type: Currency, resolve: ({ currency }) => currency }) }) });
    builder.queryField('price', (t) => t.field({ type: Price, cache, resolve: () => ({ currency: euro }) }));
    builder.queryField('currencies', (t) => t.field({ type: [Currency], cache, resolve: () => [euro, dollar] }));
  });
  for (const _ of [1, 2]) {
    expect(await run('{ price { currency } currencies }')).toMatchObject({
      data: { price: { currency: 'EUR' }, currencies: ['EUR', 'USD'] },
      errors: [],
      states: 'miss miss',
    });
  }
  expect(trace.count('write-refused')).toBe(4);
});

it('uses different keys for arguments whose internal values have equal contents', async () => {
  const [asc, desc] = [{}, {}] as unknown as [string, string];
  const { run } = await newSchema((builder) => {
    const Order = builder.enumType('Order', { values: { ASC: { value: asc }, DESC: { value: desc } } });
    builder.queryField('first', (t) =>
      t.string({
        args: { order: t.arg({ type: Order, required: true }) },
        cache,
        resolve: (_, { order }) => (order === asc ? 'a' : 'z'),
      }),
    );
  });
  const text = '{ up: first(order: ASC) down: first(order: DESC) }';
  expect(await run(text)).toMatchObject({ data: { up: 'a', down: 'z' }, states: 'miss miss' });
  expect(await run(text)).toMatchObject({ data: { up: 'a', down: 'z' }, states: 'hit hit' });
});
