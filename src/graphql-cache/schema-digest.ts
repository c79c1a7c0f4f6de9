/**
 * A digest of the shape of cached values. It is part of every key, so that two versions of a program can run side by side, and a
 * deployment never reads values of another shape.
 */
import { createHash } from 'node:crypto';
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  printType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { codecVersion } from '../cache/index.ts';
import { internalValuesOf } from './enum-values.ts';
import { fieldAt } from './field-at.ts';
import type { FieldPolicy } from './field-policy.ts';

/** A type of a schema, as far as its digests need it. */
interface DescribedType {
  readonly sdl: string;
  /** The internal values of an enum that differ from their names. */
  readonly internalValues: readonly string[];
  readonly refersTo: readonly GraphQLNamedType[];
}

/** By schema. Kept, because each field that `cacheResolver` caches has a digest of its own, and most fields reach the same types. */
const described = new WeakMap<GraphQLSchema, Map<GraphQLNamedType, DescribedType>>();

/**
 * Six hexadecimal digits over the SDL that cached fields reach, the internal values of its enums, the parts of the fields' policies that are
 * the same for every request and concern what is stored, `codecVersion` and `version`. It does not cover code: if a resolver returns values
 * with another meaning, change `version`.
 *
 * @param policies By `Type.field`.
 */
export function schemaDigestOf(
  schema: GraphQLSchema,
  policies: ReadonlyMap<string, FieldPolicy>,
  version: string | undefined,
): string {
  const reached = new Map<GraphQLNamedType, DescribedType>();
  const fields: string[] = [];
  for (const place of policies.keys()) {
    const field = fieldAt(schema, place);
    if (field === undefined) continue;
    // Lists and nullability, which the SDL of the reached types does not show.
    fields.push(
      `${place}(${field.args.map(({ name, type: of }) => `${name}: ${String(of)}`).join()}): ${String(field.type)}`,
    );
    for (const named of [field.type, ...field.args.map((arg) => arg.type)]) reach(schema, getNamedType(named), reached);
  }
  const types = [...reached.values()].map(({ sdl }) => sdl).toSorted();
  const enums = [...reached.values()].flatMap(({ internalValues }) => internalValues).toSorted();
  const statics = [...policies].map(
    ([place, { ttlMs, hasTtlFunction, nullTtlMs, staleMs, staticTags, isPrivate, varyOf, isStrict, hasSelection }]) => {
      const others = [
        ...(hasTtlFunction ? ['ttl function'] : []),
        ...(nullTtlMs === undefined ? [] : [`null ${nullTtlMs}`]),
        ...(staleMs === 0 ? [] : [`stale ${staleMs}`]),
        ...(isPrivate ? ['private'] : []),
        ...(varyOf === undefined ? [] : ['vary']),
        ...(isStrict ? ['strict'] : []),
        ...(hasSelection ? ['selection'] : []),
      ];
      return JSON.stringify([place, ttlMs, staticTags, ...others]);
    },
  );
  const text = JSON.stringify([codecVersion, version, statics.toSorted(), fields.toSorted(), types, enums]);
  return createHash('sha256').update(text).digest('hex').slice(0, 6);
}

function reach(schema: GraphQLSchema, type: GraphQLNamedType, reached: Map<GraphQLNamedType, DescribedType>): void {
  if (reached.has(type)) return;
  const own = describedType(schema, type);
  reached.set(type, own);
  for (const other of own.refersTo) reach(schema, other, reached);
}

function describedType(schema: GraphQLSchema, type: GraphQLNamedType): DescribedType {
  const types = described.get(schema) ?? new Map<GraphQLNamedType, DescribedType>();
  described.set(schema, types);
  const known = types.get(type);
  if (known !== undefined) return known;
  const internalValues = isEnumType(type) ? [internalValuesOf(type) ?? []].flat() : [];
  const own = { sdl: printType(type), internalValues, refersTo: [...new Set(typesIn(schema, type))] };
  types.set(type, own);
  return own;
}

/** The types that a type refers to, and those that implement or belong to it. */
function typesIn(schema: GraphQLSchema, type: GraphQLNamedType): readonly GraphQLNamedType[] {
  const possible = isUnionType(type) || isInterfaceType(type) ? schema.getPossibleTypes(type) : [];
  if (isInputObjectType(type)) return Object.values(type.getFields()).map((field) => getNamedType(field.type));
  if (!isObjectType(type) && !isInterfaceType(type)) return possible;
  const ofFields = Object.values(type.getFields()).flatMap((field) => [field, ...field.args]);
  return [...possible, ...ofFields.map((one) => getNamedType(one.type))];
}
