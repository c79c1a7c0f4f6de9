// `fields: true` of `cacheResolver`: a request reads the properties that the fields below it expose.
import { describe, expect, it } from 'vitest';
import { checkCachedFields } from '../../src/graphql-cache/index.ts';
import { newPlainSchema, type PlainWorld, type Resolve } from './world.ts';

const sdl = `
  type Query { book: Book }
  type Book { title: String stock: Int label: String }`;

const book = { title: 'Walden', stock: 12, shelf: 'A' };

/** `reads`: the names of the properties that were read from the store since the last call. */
async function newBooks(): Promise<PlainWorld & { readonly reads: () => unknown[] }> {
  const names: unknown[] = [];
  const world = await newPlainSchema(sdl, (wrap, { store }) => {
    const { readProperties } = store;
    const noting: typeof readProperties = (key, tags, read) => (
      names.push(read),
      readProperties?.(key, tags, read) as never
    );
    Object.assign(store, { readProperties: noting });
    const label = (parent: unknown): string => Object.values(parent as typeof book).join(' ');
    return { Query: { book: wrap({ fields: true }, () => book) }, Book: { label } };
  });
  return { ...world, reads: () => names.splice(0) };
}

it('reads the properties with the names of the selected fields, and all for a field with a resolver', async () => {
  const { run, reads } = await newBooks();
  await run('{ book { title } }');
  reads();
  expect(await run('{ book { title } }')).toMatchObject({ data: { book: { title: 'Walden' } }, states: 'hit' });
  expect(reads()).toEqual([['title']]);
  const withLabel = { data: { book: { stock: 12, label: 'Walden 12 A' } }, states: 'hit' };
  expect(await run('{ book { stock label } }')).toMatchObject(withLabel);
  expect(reads()).toEqual(['all']);
});

it('reads all of them if the cached resolver is wrapped: an authorization may read any, and runs on hits too', async () => {
  const { run } = await newPlainSchema(sdl, (wrap) => {
    const cached = wrap({ fields: true }, () => ({ ...book, isSecret: true }));
    const authorized: Resolve = async (...call) => {
      const value = (await cached(...call)) as { isSecret?: boolean };
      if (value.isSecret === true) throw new Error('forbidden');
      return value;
    };
    return { Query: { book: authorized } };
  });
  for (const states of ['miss', 'hit'])
    expect(await run('{ book { title } }')).toMatchObject({ data: { book: null }, errors: ['forbidden'], states });
});

it('cache.replaceField replaces a property of its value', async () => {
  const { run, cache } = await newBooks();
  await run('{ book { title } }');
  expect(await cache.replaceField({ field: 'Query.book' }, 'stock', 11)).toBe(true);
  expect(await run('{ book { stock } }')).toMatchObject({ data: { book: { stock: 11 } }, states: 'hit' });
});

describe('on a field that does not return one object, it is an error at the first request, and of checkCachedFields', () => {
  it.each(['[Book]', '[Book!]!', 'Int!', 'Kind'])('such as %s', async (type) => {
    let calls = 0;
    const { run, schema } = await newPlainSchema(
      `type Query { some: ${type} } type Book { id: Int } enum Kind { A }`,
      (wrap) => ({ Query: { some: wrap({ fields: true }, () => (calls += 1)) } }),
    );
    const message = `Query.some: fields is for a field that returns one object, got ${type}`;
    expect((await run(type.includes('Book') ? '{ some { id } }' : '{ some }')).errors).toEqual([message]);
    expect(() => checkCachedFields(schema)).toThrow(message);
    expect(calls).toBe(0);
  });

  it.each(['Book!', 'Named', 'Either'])('%s is one', async (type) => {
    const { schema } = await newPlainSchema(
      `type Query { some: ${type} } interface Named { id: Int } type Book implements Named { id: Int } union Either = Book`,
      (wrap) => ({ Query: { some: wrap({ fields: true }, () => ({ id: 1 })) } }),
    );
    expect(checkCachedFields(schema)).toEqual(['Query.some']);
  });
});
