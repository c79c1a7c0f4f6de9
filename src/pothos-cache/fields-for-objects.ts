import { PothosSchemaError } from '@pothos/core';
import type { FieldOptions } from '../graphql-cache/index.ts';

/**
 * The options of a field, whose type has properties if it has `fields`; without `fields` if that comes from the parent's type only.
 *
 * @throws {PothosSchemaError} if the field itself has the option, and does not return one object.
 */
export function withFieldsForObjects(
  place: string,
  given: FieldOptions,
  { kind }: { readonly kind: string },
): FieldOptions {
  const { fields, ...others } = given.options;
  if (fields !== true || ['Object', 'Interface', 'Union'].includes(kind)) return given;
  if (given.origins.has('fields')) return { ...given, options: others };
  const got = kind.toLowerCase();
  throw new PothosSchemaError(`${place}: cache.fields is for a field that returns one object, got a ${got}`);
}
