// A library of books that several schema builders describe: its data, and the resolvers of its fields, each of which may be wrapped.
import { currentLoad } from 'cachepot/cache';
import { cacheResolver, type ResolverCacheOptions } from 'cachepot/graphql';
import type { Cache } from 'cachepot/cache';
import type { GraphQLResolveInfo } from 'graphql';

export interface Context {
  readonly user?: { readonly id: string; readonly name: string };
  readonly locale?: string;
}

export interface Book {
  id: string;
  name: string;
  authorId: string;
  pages: number;
  format: number;
}

export interface Author {
  id: string;
  name: string;
  drafts: string[];
}

export type Named = (Book & { readonly kind: 'Book' }) | (Author & { readonly kind: 'Author' });

export const sdl = /* GraphQL */ `
  enum Order {
    UP
    DOWN
  }
  enum Format {
    PAPER
    AUDIO
  }
  interface Named {
    id: ID!
    name: String!
  }
  type Book implements Named {
    id: ID!
    name: String!
    format: Format!
    author: Author
    score(scale: Int! = 5): Float!
    broken: String
  }
  type Author implements Named {
    id: ID!
    name: String!
    books: [Book!]!
  }
  union Hit = Book | Author
  type Query {
    books(order: Order! = UP, first: Int! = 10): [Book!]!
    book(id: ID!): Book
    named: [Named!]!
    search(text: String! = "a"): [Hit!]!
    drafts: [String!]
    greeting: String!
    titles: [String]
    failing: String
    failingRequired: String!
  }
  type Mutation {
    rename(id: ID!, name: String!): Book
  }
`;

/** The internal values of `Format`, and of `Order`. */
export const formats = { PAPER: 0, AUDIO: 1 } as const;
export const orders = { UP: 1, DOWN: -1 } as const;

/** The data, and how often each resolver was called. */
export class Library {
  readonly calls = new Map<string, number>();
  readonly books: Book[] = [
    { id: '1', name: 'Pots', authorId: '1', pages: 120, format: 0 },
    { id: '2', name: 'Ivy and ﬁcus', authorId: '2', pages: 80, format: 1 },
    { id: '3', name: 'Bark', authorId: '9', pages: 33, format: 0 },
  ];
  readonly authors: Author[] = [
    { id: '1', name: 'Ada', drafts: ['Pans'] },
    { id: '2', name: 'Bob', drafts: [] },
  ];

  call(field: string, ...tables: readonly string[]): void {
    this.calls.set(field, (this.calls.get(field) ?? 0) + 1);
    currentLoad()?.touch(tables); // as a query with cachepot/kysely does
  }

  get named(): Named[] {
    const books = this.books.map((book) => ({ ...book, kind: 'Book' as const }));
    return [...books, ...this.authors.map((author) => ({ ...author, kind: 'Author' as const }))];
  }
}

type Options<Parent, Args, Value> = Omit<ResolverCacheOptions<Parent, Args, Context, Value>, 'engine'>;

/** A resolver in the type of GraphQL.js. */
export type Resolve<Parent, Args, Value> = (
  parent: Parent,
  args: Args,
  context: Context,
  info: GraphQLResolveInfo,
) => Value | Promise<Value>;

/** The resolvers of the library's fields, cached in `engine`; undefined: not cached. */
export function resolversOf(library: Library, engine: Cache | undefined) {
  const shared = { viewer: ({ user }: Context) => user?.id };
  const cached = <Parent, Args, Value>(
    options: Options<Parent, Args, Value>,
    resolve: Resolve<Parent, Args, Value>,
  ): Resolve<Parent, Args, Value> =>
    engine === undefined ? resolve : cacheResolver({ ...shared, engine, ...options }, resolve);
  const open = { ttl: '60s', scope: 'public' } as const;
  const ofParent = { ...open, parentId: ({ id }: { id: string }) => id };
  return {
    Query: {
      books: cached(open, async (_parent: unknown, { order, first }: { order: number; first: number }) => {
        library.call('books', 'books');
        return library.books.toSorted((a, b) => order * (a.name < b.name ? -1 : 1)).slice(0, first);
      }),
      book: cached({ ...open, nullTtl: '5s' }, (_parent: unknown, { id }: { id: string }) => {
        library.call('book', 'books');
        return library.books.find((book) => book.id === id) ?? null;
      }),
      named: cached(open, () => {
        library.call('named', 'books', 'authors');
        return library.named;
      }),
      search: cached(open, (_parent: unknown, { text }: { text: string }) => {
        library.call('search', 'books', 'authors');
        return library.named.filter(({ name }) => name.includes(text));
      }),
      drafts: cached({ ttl: '60s', scope: 'private' }, (_parent: unknown, _args: object, { user }: Context) => {
        library.call('drafts', 'authors');
        return library.authors.find(({ id }) => id === user?.id)?.drafts ?? null;
      }),
      greeting: cached(open, (_parent: unknown, _args: object, { user }: Context) => {
        library.call('greeting');
        return `Hello ${user?.name ?? 'stranger'}`; // although it is public
      }),
      titles: cached(open, () => {
        library.call('titles', 'books');
        return [...library.books.map(({ name }) => name), null];
      }),
      failing: cached(open, () => {
        library.call('failing');
        throw new Error('the source is down');
      }),
      failingRequired: cached(open, () => {
        library.call('failingRequired');
        throw new Error('the source is down');
      }),
    },
    Book: {
      author: cached(ofParent, async ({ authorId }: Book) => {
        library.call('author', 'authors');
        return library.authors.find(({ id }) => id === authorId) ?? null;
      }),
      score: cached(ofParent, ({ pages }: Book, { scale }: { scale: number }) => {
        library.call('score');
        return (pages / 120) * scale;
      }),
      broken: cached(ofParent, ({ id }: Book) => {
        library.call('broken');
        if (id === '2') throw new Error(`book ${id} is broken`);
        return 'whole';
      }),
    },
    Author: {
      books: cached(ofParent, (author: Author) => {
        library.call('Author.books', 'books');
        return library.books.filter(({ authorId }) => authorId === author.id);
      }),
    },
    Mutation: {
      rename: async (_parent: unknown, { id, name }: { id: string; name: string }) => {
        const book = library.books.find((one) => one.id === id);
        if (book === undefined) return null;
        book.name = name;
        await engine?.invalidate(['books']);
        return book;
      },
    },
  };
}

export type Resolvers = ReturnType<typeof resolversOf>;

/** Which type a value of an interface or a union has; as data, so that a copy of it has the same. */
export const typeNameOf = ({ kind }: { readonly kind: string }): string => kind;
