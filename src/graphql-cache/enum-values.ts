/**
 * The internal values of enums: what resolvers return and receive instead of a name. A deployment may change them while the SDL
 * stays the same, such as the numbers of a TypeScript enum.
 */
import { inspect } from 'node:util';
import { isEnumType, type GraphQLEnumType, type GraphQLSchema } from 'graphql';
import { noteIdentity } from '../cache/index.ts';

/**
 * The internal values as text, for the digest; undefined if all of them are their names. Runs none of their code. What the text
 * does not show, such as the body of a function, is never part of a stored value.
 */
export function internalValuesOf(type: GraphQLEnumType): string | undefined {
  const values = type.getValues();
  if (values.every(({ name, value }) => name === value)) return undefined;
  return JSON.stringify([type.name, values.map(({ name, value }) => [name, textOf(value)])]);
}

function textOf(value: unknown): string {
  return inspect(value, {
    depth: null,
    showHidden: true,
    customInspect: false,
    maxArrayLength: null,
    maxStringLength: null,
    breakLength: Infinity,
    compact: true,
    sorted: true,
  });
}

/**
 * Declares the objects among the internal values of all enums: GraphQL finds the name of such a value by its identity, which a
 * cached copy would not have.
 */
export function noteEnumIdentities(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isEnumType(type)) continue;
    for (const { name, value } of type.getValues()) {
      if (typeof value === 'object' && value !== null) noteIdentity(value, `${type.name}.${name}`);
    }
  }
}
