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
import type { FieldPolicy } from './field-policy.ts';

/**
 * Six hexadecimal digits over the SDL that cached fields reach, the internal values of its enums, the fields' static policies as far as they concern what is stored,
 * the codec and `version`. It does not cover code: if a resolver returns values with another meaning, change `version`.
 *
 * @param policies By `Type.field`.
 */
export function schemaDigestOf(
  schema: GraphQLSchema,
  policies: ReadonlyMap<string, FieldPolicy>,
  version: string | undefined,
): string {
  const reached = new Set<GraphQLNamedType>();
  const fields: string[] = [];
  for (const place of policies.keys()) {
    const [typeName = '', fieldName = ''] = place.split('.');
    const type = schema.getType(typeName);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    const field = type.getFields()[fieldName];
    if (field === undefined) continue;
    // Lists and nullability, which the SDL of the reached types does not show.
    fields.push(
      `${place}(${field.args.map(({ name, type: of }) => `${name}: ${String(of)}`).join()}): ${String(field.type)}`,
    );
    for (const named of [field.type, ...field.args.map((arg) => arg.type)]) reach(schema, getNamedType(named), reached);
  }
  const types = [...reached].map((type) => printType(type)).toSorted();
  const enums = [...reached].flatMap((type) => (isEnumType(type) ? (internalValuesOf(type) ?? []) : [])).toSorted();
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

function reach(schema: GraphQLSchema, type: GraphQLNamedType, reached: Set<GraphQLNamedType>): void {
  if (reached.has(type)) return;
  reached.add(type);
  if (isUnionType(type) || isInterfaceType(type)) {
    for (const possible of schema.getPossibleTypes(type)) reach(schema, possible, reached);
  }
  if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      for (const named of [field.type, ...field.args.map((arg) => arg.type)])
        reach(schema, getNamedType(named), reached);
    }
  }
  if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) reach(schema, getNamedType(field.type), reached);
  }
}
