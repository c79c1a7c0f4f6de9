/** Fields that exist for the console alone: what a server without a console must not have. */
import { GraphQLObjectType, GraphQLSchema, isSpecifiedScalarType, type GraphQLFieldConfig } from 'graphql';
import type { ShopConsole } from './shop-console.ts';

/** Extensions that mark a field of `Query` or `Mutation`. */
export const consoleOnly = { isConsoleOnly: true } as const;

/** The console that is part of a resolver's context. */
export function consoleOf({ shopConsole }: { readonly shopConsole: ShopConsole | undefined }): ShopConsole {
  if (shopConsole === undefined) throw new Error('the schema has a console, and its context has none');
  return shopConsole;
}

/** The schema without these fields, without subscriptions, and without the types that only these use. */
export function withoutConsole(schema: GraphQLSchema): GraphQLSchema {
  const { query, mutation, types, ...config } = schema.toConfig();
  return new GraphQLSchema({
    ...config,
    query: open(query),
    mutation: open(mutation),
    subscription: null,
    // And those that the remaining fields lead to.
    types: types.filter(isSpecifiedScalarType),
  });
}

type Type = GraphQLObjectType | null | undefined;
type Fields = Record<string, GraphQLFieldConfig<unknown, unknown>>;

function open(type: Type): Type {
  if (!type) return type;
  const { fields, ...config } = type.toConfig();
  const others = Object.entries<Fields[string]>(fields).filter(([, { extensions }]) => !isMarked(extensions));
  return new GraphQLObjectType({ ...config, fields: Object.fromEntries(others) });
}

function isMarked(extensions: Fields[string]['extensions']): boolean {
  return extensions?.['isConsoleOnly'] === true;
}
