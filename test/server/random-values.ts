// Random values of a schema's input types, as JSON for variables and as literals for documents.
import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  type GraphQLInputType,
} from 'graphql';
import type { Dice } from './dice.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** The values that scalars may have, by type name. A value that is listed twice is chosen twice as often. */
export type ScalarValues = Readonly<Record<string, readonly Json[]>>;

const builtIn: ScalarValues = {
  Int: [1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4, 5, 0, -1, 101],
  Float: [0.5, 1, 2, 1e21],
  String: ['', 'a', 'ä"\\', 'e\u0301'],
  ID: ['1', '2', 2, '13'],
  Boolean: [true, false],
};

/** A value as JSON for variables; an enum value is its name. */
export function randomValue(type: GraphQLInputType, dice: Dice, scalars: ScalarValues): Json {
  const inner: GraphQLInputType = getNullableType(type);
  if (!isNonNullType(type) && dice.chance(10)) return null;
  if (isListType(inner)) {
    return Array.from({ length: dice.below(3) }, () => randomValue(inner.ofType, dice, scalars));
  }
  if (isEnumType(inner)) return dice.oneOf(inner.getValues()).name;
  if (isInputObjectType(inner)) {
    const fields = Object.values(inner.getFields()).filter((field) => isNonNullType(field.type) || dice.chance(60));
    return Object.fromEntries(fields.map(({ name, type: of }) => [name, randomValue(of, dice, scalars)]));
  }
  return dice.oneOf(scalars[inner.toString()] ?? builtIn[inner.toString()] ?? [null]);
}

/** The literal of a value in a document. */
export function textOf(value: Json | undefined, type: GraphQLInputType): string {
  const inner: GraphQLInputType = getNullableType(type);
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) {
    const of = isListType(inner) ? inner.ofType : inner;
    return `[${value.map((one: Json) => textOf(one, of)).join(', ')}]`;
  }
  if (typeof value === 'string' && isEnumType(inner)) return value;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = isInputObjectType(inner) ? inner.getFields() : {};
  const parts = Object.entries(value).map(([name, one]) => {
    const field = fields[name];
    return `${name}: ${field === undefined ? JSON.stringify(one) : textOf(one, field.type)}`;
  });
  return `{ ${parts.join(', ')} }`;
}
