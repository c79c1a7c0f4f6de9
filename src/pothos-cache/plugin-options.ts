/** The option `cache` of `toSchema`: checked when the schema is built. */
import { PothosSchemaError } from '@pothos/core';
import { optionsFault, type OptionRule } from '../cache/index.ts';
import { sharedOptionNames } from './field-options.ts';
import type { PluginOptions } from './types.ts';

const ofContext: OptionRule = { must: 'a function of the context', isRight: (value) => typeof value === 'function' };

const rules: Readonly<Record<keyof PluginOptions, OptionRule>> = {
  engine: { must: 'what createCache returns', isRight: isEngine },
  defaultTtl: { must: "a duration such as '60s'", isRight: (value) => typeof value === 'string' },
  defaults: { must: `an object with ${sharedOptionNames.join(', ')}`, isRight: isObject },
  version: { must: 'a text', isRight: (value) => typeof value === 'string' },
  viewer: ofContext,
  viewerProperties: { must: 'a list of property names', isRight: isNames },
  request: ofContext,
  signal: ofContext,
  refreshContext: ofContext,
  directive: { must: 'true or false', isRight: (value) => typeof value === 'boolean' },
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

/** Recognised by its methods, because a program may contain two copies of this package. */
export function isEngine(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const methods = ['fetch', 'key', 'uncached', 'registerSchema'];
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
