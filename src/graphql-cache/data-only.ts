import { types } from 'node:util';
import { getNamedType, isObjectType, type GraphQLField, type GraphQLObjectType, type GraphQLOutputType } from 'graphql';
import { propertyOf } from './exposed-properties.ts';

/**
 * Whether GraphQL reads the fields of a value from data alone. An instance of a class, which a codec may have decoded, has methods, and
 * GraphQL calls them with the context of the request; its getters may return something else each time. So a response with an instance at
 * the place of an object must be neither reused nor sent to everyone. At the place of a scalar, it is serialized, without the context.
 */
export function isDataOnly(type: GraphQLOutputType, value: unknown): boolean {
  const checked = new Map<GraphQLObjectType, Set<unknown>>();
  const check = (ofValue: GraphQLOutputType, part: unknown): boolean => {
    const named = getNamedType(ofValue);
    if (!isObjectType(named) || typeof part !== 'object' || part === null) return true;
    const parts = checked.get(named) ?? new Set();
    if (parts.has(part)) return true;
    checked.set(named, parts.add(part));
    if (types.isProxy(part)) return false;
    if (Array.isArray(part) || types.isSet(part)) return Array.from(part).every((item) => check(named, item));
    return isRecord(part) && Object.values(named.getFields()).every((field) => isFieldDataOnly(field, part));
  };
  /** A field with a resolver of its own may compute anything: no response with such a field is reused. */
  const isFieldDataOnly = (field: GraphQLField<unknown, unknown>, part: Readonly<Record<string, unknown>>): boolean => {
    const property = propertyOf(field);
    return property === undefined || check(field.type, part[property]);
  };
  return check(type, value);
}

function isRecord(value: object): value is Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return false;
  const properties = Object.values(Object.getOwnPropertyDescriptors(value));
  return properties.every((property) => 'value' in property && typeof property.value !== 'function');
}
