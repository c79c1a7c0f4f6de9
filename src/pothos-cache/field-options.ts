/**
 * The options that a field has: its own over those of its type over the defaults of the schema, option by option. An option that is
 * undefined is not given.
 *
 * - `cache: {…}` and `cache: true` on a field cache it. `cache: false` does not, whatever its type says.
 * - `cache: {…}` and `cache: true` on a type cache each of its fields that has a resolver of its own. A field of an interface has the
 *   options of the type that implements it over those of the interface, also if the type declares it again. What the interface says of
 *   this very field comes before what a type says of all its fields.
 * - The defaults of the schema cache no field by themselves.
 */
import { PothosSchemaError } from '@pothos/core';
import { defaultFieldResolver } from 'graphql';
import { fieldOptionNames, type FieldOptions, withoutOff } from '../graphql-cache/index.ts';
import type { PluginOptions } from './types.ts';

/** What is known about a field, an object type or an interface, as far as it concerns these options. */
interface Configured {
  readonly name: string;
  readonly kind: string;
  readonly pothosOptions: object;
}

interface Field extends Configured {
  /** Such as `Query.topProducts`. */
  readonly place: string;
  readonly resolve?: unknown;
  readonly extensions?: Readonly<Record<string, unknown>> | null | undefined;
  readonly type: Configured;
  /** The interfaces of the type that have this field; one that implements another comes before it. */
  readonly interfaces: readonly {
    readonly config: Configured;
    readonly field: Pick<Configured, 'pothosOptions'> | undefined;
  }[];
}

/** @throws {PothosSchemaError} if a type has options that it cannot have. */
export function checkTypeOptions(type: Configured): void {
  const cache = cacheOf(type);
  if (cache === undefined || cache === false) return;
  if (!['Query', 'Object', 'Interface'].includes(type.kind))
    throw new PothosSchemaError(
      `${type.name}: a field of ${type.kind} cannot be cached, so this type cannot have cache`,
    );
  checkNames(type.name, cache);
}

/**
 * The options of a field; undefined if it is not cached.
 *
 * @throws {PothosSchemaError} for an unknown option, and for a mutation or a subscription.
 */
export function fieldOptionsOf(
  field: Field,
  { defaultTtl, defaults }: Pick<PluginOptions<never>, 'defaultTtl' | 'defaults'> = {},
): FieldOptions | undefined {
  const own = cacheOf(field);
  const ofInterfaces = field.interfaces.map(({ config }) => ({ from: `type ${config.name}`, cache: cacheOf(config) }));
  const ofTypes = [{ from: `type ${field.type.name}`, cache: cacheOf(field.type) }, ...ofInterfaces];
  const declared = field.interfaces.flatMap(({ config, field: same }) =>
    same === undefined ? [] : [{ from: `${config.name}.${field.name}`, cache: cacheOf(same) }],
  );
  const isOnByType = ofTypes.find(({ cache }) => cache !== undefined)?.cache ?? false;
  if (own === false || (own === undefined && declared.some(({ cache }) => cache === false))) return undefined;
  if (own === undefined && (isOnByType === false || !hasOwnResolver(field))) return undefined;
  if (field.kind === 'Mutation' || field.kind === 'Subscription')
    throw new PothosSchemaError(`${field.place}: a field of ${field.kind} cannot be cached`);
  if (own !== undefined) checkNames(field.place, own);
  const levels = [
    { from: undefined, cache: own },
    ...declared,
    ...ofTypes,
    { from: 'defaults of toSchema({ cache })', cache: defaults },
    { from: 'defaultTtl of toSchema({ cache })', cache: { ttl: defaultTtl } },
  ];
  const options: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  for (const { from, cache } of levels) {
    for (const [name, value] of Object.entries(typeof cache === 'object' ? { ...cache } : {})) {
      if (value === undefined || Object.hasOwn(options, name)) continue;
      options[name] = value;
      if (from !== undefined) origins.set(name, from);
    }
  }
  keepPrivate([...declared, ...ofInterfaces], { options, origins, ofType: cacheOf(field.type) });
  return { options: withoutOff(options), origins };
}

/**
 * Where the options come from that the message names, if not from the field itself.
 *
 * @param message The rule, then `, got` and the value, which may contain any word.
 */
export function originsIn(message: string, { origins }: FieldOptions): string {
  const [rule = ''] = message.split(', got ', 1);
  const isNamed = (name: string): boolean => new RegExp(`\\b${name === 'tags' ? 'tags?' : name}\\b`).test(rule);
  const named = [...origins].filter(([name]) => isNamed(name));
  return named.length === 0 ? '' : ` (${named.map(([name, from]) => `${name}: from ${from}`).join('; ')})`;
}

/** If one of several interfaces says that a field is private, it is, unless the field or its type says otherwise. */
function keepPrivate(
  levels: readonly { readonly from: string; readonly cache: unknown }[],
  { options, origins, ofType }: { options: Record<string, unknown>; origins: Map<string, string>; ofType: unknown },
): void {
  const isOfField = options['scope'] !== undefined && !origins.has('scope');
  if (isOfField || scopeIn(ofType) !== undefined) return;
  const level = levels.find(({ cache }) => scopeIn(cache) === 'private');
  if (level === undefined) return;
  options['scope'] = 'private';
  origins.set('scope', level.from);
}

function scopeIn(cache: unknown): unknown {
  return typeof cache === 'object' && cache !== null ? (cache as { scope?: unknown }).scope : undefined;
}

function cacheOf({ pothosOptions }: Pick<Configured, 'pothosOptions'>): unknown {
  return (pothosOptions as { cache?: unknown }).cache;
}

/** Not one that returns a property of its parent, which costs less than a hit. */
function hasOwnResolver({ resolve, extensions }: Field): boolean {
  return resolve !== undefined && resolve !== defaultFieldResolver && extensions?.['pothosExposedField'] === undefined;
}

function checkNames(place: string, cache: unknown): void {
  if (cache === true) return;
  if (typeof cache !== 'object' || cache === null || Array.isArray(cache)) {
    const got = JSON.stringify(cache);
    throw new PothosSchemaError(`${place}: cache must be an object of options, true or false, got ${got}`);
  }
  const unknownName = Object.keys(cache).find((name) => !fieldOptionNames.includes(name));
  if (unknownName === undefined) return;
  const message = `unknown option ${JSON.stringify(unknownName)} in cache; it has ${fieldOptionNames.join(', ')}`;
  throw new PothosSchemaError(`${place}: ${message}`);
}
