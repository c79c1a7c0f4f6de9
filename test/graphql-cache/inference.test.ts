// The types of a resolver and of its options follow from each other; `tsc` checks them.
import { expectTypeOf, it } from 'vitest';
import { createCache, createMemoryStore } from '../../src/cache/index.ts';
import { cacheResolver } from '../../src/graphql-cache/index.ts';

interface Context {
  user?: { id: number };
}
interface Book {
  id: number;
}
type Resolve<Parent, Args, Value> = (
  parent: Parent,
  args: Args,
  context: Context,
  info: never,
) => Value | Promise<Value>;

const engine = createCache({ store: createMemoryStore({ namespace: 'types' }), log: false });
const shared = { engine, viewer: ({ user }: Context) => user?.id } as const;
const open = { ...shared, ttl: '5m', scope: 'public' } as const;

it('the options know the parent, the arguments and the value of the resolver', () => {
  const resolver = cacheResolver(
    {
      ...open,
      parentId: (book) => (expectTypeOf(book).toEqualTypeOf<Book>(), book.id),
      tags: (book, args) => (expectTypeOf(args).toEqualTypeOf<{ n: number }>(), [`books:${book.id}`]),
      ttl: (args, value) => (expectTypeOf(value).toEqualTypeOf<string>(), args.n > 1 ? '5m' : null),
    },
    async ({ id }: Book, { n }: { n: number }, _context: Context) => `${id}${n}`,
  );
  expectTypeOf(resolver).parameter(0).toEqualTypeOf<Book>();
  expectTypeOf(resolver).parameter(1).toEqualTypeOf<{ n: number }>();
  expectTypeOf(resolver).parameter(2).toEqualTypeOf<Context>();
  expectTypeOf(resolver).returns.toEqualTypeOf<string | Promise<string>>();
});

it('a resolver without annotations has the types of where it is used, and of viewer', () => {
  const resolvers: { ofType: Resolve<Book, { n: number }, string> } = {
    ofType: cacheResolver(
      { ...open, parentId: ({ id }) => id },
      (book, { n }, { user }) => `${book.id}${n}${user?.id}`,
    ),
  };
  expectTypeOf(resolvers.ofType).parameter(0).toEqualTypeOf<Book>();
  cacheResolver(open, (_parent, _args, context) => expectTypeOf(context).toEqualTypeOf<Context>());
});

it('scope, ttl and engine are required', () => {
  const resolve = (): number => 1;
  expectTypeOf(cacheResolver<unknown, object, Context, number>).toBeCallableWith(open, resolve);
  // @ts-expect-error -- no ttl
  expectTypeOf(() => cacheResolver({ ...shared, scope: 'public' }, resolve)).toBeFunction();
  // @ts-expect-error -- no scope
  expectTypeOf(() => cacheResolver({ ...shared, ttl: '5m' }, resolve)).toBeFunction();
  // @ts-expect-error -- no engine
  expectTypeOf(() => cacheResolver({ ttl: '5m', scope: 'public' }, resolve)).toBeFunction();
  // @ts-expect-error -- a book has no such property
  expectTypeOf(() => cacheResolver({ ...open, parentId: ({ isbn }) => isbn }, ({ id }: Book) => id)).toBeFunction();
});
