/** The option `cache` of `toSchema`, checked when the schema is built. */
import { PothosSchemaError } from '@pothos/core';
import type { PluginOptions } from './types.ts';

interface Rule {
  readonly expected: string;
  readonly isMet: (value: unknown) => boolean;
}

const aFunction: Rule = { expected: 'a function of the context', isMet: (value) => typeof value === 'function' };

const rules: { readonly [Name in keyof Required<PluginOptions>]: Rule } = {
  engine: { expected: 'what createCache returns', isMet: isEngine },
  defaultTtl: { expected: "a duration such as '60s'", isMet: (value) => typeof value === 'string' },
  version: { expected: 'a string', isMet: (value) => typeof value === 'string' },
  viewer: aFunction,
  viewerProperties: { expected: 'a list of property names', isMet: isNames },
  request: aFunction,
  signal: aFunction,
  directive: { expected: 'true or false', isMet: (value) => typeof value === 'boolean' },
};

/**
 * @param given What `toSchema` was given as `cache`; undefined and `false` mean that nothing is cached.
 * @throws {PothosSchemaError} naming the option, the rule and what was given instead.
 */
export function checkPluginOptions<Context>(
  given: PluginOptions<Context> | false | undefined,
): PluginOptions<Context> | undefined {
  if (given === undefined || given === false) return undefined;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw wrong(`cache must be an object of options, or false, got ${inWords(given)}`);
  }
  for (const [name, value] of Object.entries(given)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof typeof rules] : undefined;
    if (rule === undefined) throw wrong(`cache has ${Object.keys(rules).join(', ')}, got ${name}`);
    if (value !== undefined && !rule.isMet(value)) {
      throw wrong(`cache.${name} must be ${rule.expected}, got ${inWords(value)}`);
    }
  }
  return given;
}

/** By its methods: a program may have this package twice. */
function isEngine(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { fetch, key } = value as { fetch?: unknown; key?: unknown };
  return typeof fetch === 'function' && typeof key === 'function';
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

function inWords(value: unknown): string {
  if (Array.isArray(value))
    return `a list of ${[...new Set(value.map((item) => typeof item))].join(' and ') || 'nothing'}`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? typeof value;
  return `an object with ${Object.keys(value).join(', ') || 'nothing'}`;
}

function wrong(rule: string): PothosSchemaError {
  return new PothosSchemaError(`toSchema({ cache }): ${rule}`);
}
