/** The option `cache` of `toSchema`: checked when the schema is built. */
import { PothosSchemaError } from '@pothos/core';
import { optionsFault, type OptionRule } from '../cache/index.ts';
import { engineRule, schemaOptionRules, sharedOptionNames } from '../graphql-cache/index.ts';
import type { PluginOptions } from './types.ts';

const rules: Readonly<Record<keyof PluginOptions, OptionRule>> = {
  engine: engineRule,
  defaultTtl: { must: "a duration such as '60s'", isRight: (value) => typeof value === 'string' },
  defaults: { must: `an object with ${sharedOptionNames.join(', ')}`, isRight: isObject },
  ...schemaOptionRules,
};

/**
 * @param given The value passed to `toSchema` as `cache`; undefined and `false` mean that nothing is cached.
 * @throws {PothosSchemaError} with the option, the rule and the value.
 */
export function checkPluginOptions<Context>(
  given: PluginOptions<Context> | false | undefined,
): PluginOptions<Context> | undefined {
  if (given === undefined || given === false) return undefined;
  const fault = optionsFault(given, rules);
  if (fault !== undefined) throw wrong(fault);
  const { defaults = {}, defaultTtl } = given;
  const unknownName = Object.keys(defaults).find((name) => !sharedOptionNames.includes(name));
  if (unknownName !== undefined)
    throw wrong(`unknown option ${JSON.stringify(unknownName)} in defaults; it has ${sharedOptionNames.join(', ')}`);
  if (defaultTtl !== undefined && defaults.ttl !== undefined)
    throw wrong('defaultTtl is a short form of defaults.ttl: set one of them');
  return given;
}

function wrong(fault: string): PothosSchemaError {
  return new PothosSchemaError(`toSchema({ cache }): ${fault}`);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
