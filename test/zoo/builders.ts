// The library's schema, as each library for GraphQL schemas builds it from the same resolvers.
import { makeExecutableSchema } from '@graphql-tools/schema';
import {
  GraphQLEnumType,
  GraphQLFloat,
  GraphQLID,
  GraphQLInt,
  GraphQLInterfaceType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  GraphQLUnionType,
  type GraphQLOutputType,
} from 'graphql';
import * as nexus from 'nexus';
import { formats, orders, sdl, typeNameOf, type Author, type Book, type Context, type Resolvers } from './library.ts';

export const builders: Readonly<Record<string, (resolvers: Resolvers) => GraphQLSchema>> = {
  'plain GraphQL.js': plain,
  makeExecutableSchema: executable,
  Nexus: ofNexus,
};

function executable(resolvers: Resolvers): GraphQLSchema {
  return makeExecutableSchema<Context>({
    typeDefs: sdl,
    resolvers: {
      ...resolvers,
      Order: orders,
      Format: formats,
      Named: { __resolveType: typeNameOf },
      Hit: { __resolveType: typeNameOf },
    },
  });
}

function plain({ Query, Book: ofBook, Author: ofAuthor, Mutation }: Resolvers): GraphQLSchema {
  const required = (type: GraphQLOutputType) => ({ type: new GraphQLNonNull(type) });
  const listOf = (type: GraphQLOutputType) => required(new GraphQLList(new GraphQLNonNull(type)));
  const enumOf = (name: string, values: Readonly<Record<string, number>>): GraphQLEnumType =>
    new GraphQLEnumType({
      name,
      values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }])),
    });
  const Order = enumOf('Order', orders);
  const Format = enumOf('Format', formats);
  const id = required(GraphQLID);
  const name = required(GraphQLString);
  const Named = new GraphQLInterfaceType({ name: 'Named', fields: { id, name }, resolveType: typeNameOf });
  const BookType: GraphQLObjectType<Book, Context> = new GraphQLObjectType<Book, Context>({
    name: 'Book',
    interfaces: [Named],
    fields: () => ({
      id,
      name,
      format: required(Format),
      author: { type: AuthorType, resolve: ofBook.author },
      score: {
        ...required(GraphQLFloat),
        args: { scale: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 5 } },
        resolve: ofBook.score,
      },
      broken: { type: GraphQLString, resolve: ofBook.broken },
    }),
  });
  const AuthorType: GraphQLObjectType<Author, Context> = new GraphQLObjectType<Author, Context>({
    name: 'Author',
    interfaces: [Named],
    fields: () => ({ id, name, books: { ...listOf(BookType), resolve: ofAuthor.books } }),
  });
  const Hit = new GraphQLUnionType({ name: 'Hit', types: [BookType, AuthorType], resolveType: typeNameOf });
  const query = new GraphQLObjectType<unknown, Context>({
    name: 'Query',
    fields: {
      books: {
        ...listOf(BookType),
        args: {
          order: { type: new GraphQLNonNull(Order), defaultValue: orders.UP },
          first: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 10 },
        },
        resolve: Query.books,
      },
      book: { type: BookType, args: { id: { type: new GraphQLNonNull(GraphQLID) } }, resolve: Query.book },
      named: { ...listOf(Named), resolve: Query.named },
      search: {
        ...listOf(Hit),
        args: { text: { type: new GraphQLNonNull(GraphQLString), defaultValue: 'a' } },
        resolve: Query.search,
      },
      drafts: { type: new GraphQLList(new GraphQLNonNull(GraphQLString)), resolve: Query.drafts },
      greeting: { ...required(GraphQLString), resolve: Query.greeting },
      titles: { type: new GraphQLList(GraphQLString), resolve: Query.titles },
      failing: { type: GraphQLString, resolve: Query.failing },
      failingRequired: { ...required(GraphQLString), resolve: Query.failingRequired },
    },
  });
  const mutation = new GraphQLObjectType<unknown, Context>({
    name: 'Mutation',
    fields: {
      rename: {
        type: BookType,
        args: { id: { type: new GraphQLNonNull(GraphQLID) }, name: { type: new GraphQLNonNull(GraphQLString) } },
        resolve: Mutation.rename,
      },
    },
  });
  return new GraphQLSchema({ query, mutation });
}

function ofNexus({ Query, Book: ofBook, Author: ofAuthor, Mutation }: Resolvers): GraphQLSchema {
  const { arg, enumType, idArg, intArg, interfaceType, nonNull, objectType, stringArg, unionType } = nexus;
  const named = interfaceType({
    name: 'Named',
    resolveType: typeNameOf as never,
    definition(t) {
      t.nonNull.id('id');
      t.nonNull.string('name');
    },
  });
  const book = objectType({
    name: 'Book',
    definition(t) {
      t.implements('Named');
      t.nonNull.field('format', { type: 'Format' });
      t.field('author', { type: 'Author', resolve: ofBook.author });
      t.nonNull.float('score', { args: { scale: nonNull(intArg({ default: 5 })) }, resolve: ofBook.score });
      t.string('broken', { resolve: ofBook.broken });
    },
  });
  const author = objectType({
    name: 'Author',
    definition(t) {
      t.implements('Named');
      t.nonNull.list.nonNull.field('books', { type: 'Book', resolve: ofAuthor.books });
    },
  });
  const query = objectType({
    name: 'Query',
    definition(t) {
      t.nonNull.list.nonNull.field('books', {
        type: 'Book',
        args: { order: nonNull(arg({ type: 'Order', default: orders.UP })), first: nonNull(intArg({ default: 10 })) },
        resolve: Query.books,
      });
      t.field('book', { type: 'Book', args: { id: nonNull(idArg()) }, resolve: Query.book });
      t.nonNull.list.nonNull.field('named', { type: 'Named', resolve: Query.named });
      t.nonNull.list.nonNull.field('search', {
        type: 'Hit',
        args: { text: nonNull(stringArg({ default: 'a' })) },
        resolve: Query.search,
      });
      t.list.nonNull.string('drafts', { resolve: Query.drafts });
      t.nonNull.string('greeting', { resolve: Query.greeting });
      t.list.string('titles', { resolve: Query.titles });
      t.string('failing', { resolve: Query.failing });
      t.nonNull.string('failingRequired', { resolve: Query.failingRequired });
    },
  });
  const mutation = objectType({
    name: 'Mutation',
    definition(t) {
      const args = { id: nonNull(idArg()), name: nonNull(stringArg()) };
      t.field('rename', { type: 'Book', args, resolve: Mutation.rename });
    },
  });
  const hit = unionType({
    name: 'Hit',
    resolveType: typeNameOf as never,
    definition: (t) => t.members('Book', 'Author'),
  });
  const enums = Object.entries({ Order: orders, Format: formats }).map(([name, members]) =>
    enumType({ name, members }),
  );
  return nexus.makeSchema({
    types: [...enums, named, book, author, hit, query, mutation],
    shouldGenerateArtifacts: false,
    features: { abstractTypeStrategies: { resolveType: true } },
  });
}
