/** The policy of a field of a Pothos schema: an invalid one is an error of the schema. */
import { PothosSchemaError } from '@pothos/core';
import { CacheError } from '../cache/index.ts';
import {
  createFieldPolicy,
  fieldOptionNames,
  type FieldOptions,
  type FieldPlace,
  type FieldPolicy,
  type SchemaParts,
} from '../graphql-cache/index.ts';
import { originsIn } from './field-options.ts';

const places = {
  ofField: 'on the field, on its type or in defaults of toSchema({ cache })',
  ofSchema: 'toSchema({ cache })',
};

/**
 * @param given Its options, which may come from its type and from the schema, too.
 * @throws {PothosSchemaError} with the field, the rule, the value and, if that is not the field, where it comes from.
 */
export function fieldPolicyOf(field: FieldPlace, given: FieldOptions, schema: SchemaParts | undefined): FieldPolicy {
  try {
    return createFieldPolicy(field, given, { schema, places });
  } catch (error) {
    if (!(error instanceof CacheError)) throw error;
    const rule = error.message.slice(`${field.place}: `.length);
    throw new PothosSchemaError(`${field.place}: ${asWritten(rule)}${originsIn(rule, given)}`);
  }
}

/** Names the options that a rule begins with as the schema does: `ttl and stale must be …` becomes `cache.ttl and cache.stale must be …`. */
function asWritten(rule: string): string {
  return rule.replace(/^\w+( and \w+)?/, (names) =>
    names.replace(/\w+/g, (name) => (fieldOptionNames.includes(name) ? `cache.${name}` : name)),
  );
}
