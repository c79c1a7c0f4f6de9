/**
 * The options that a field has: its own over those of its type over the defaults of the schema, option by option. An option that is
 * undefined is not given.
 *
 * - `cache: {…}` and `cache: true` on a field cache it. `cache: false` does not, whatever its type says.
 * - `cache: {…}` and `cache: true` on a type cache each of its fields that has a resolver of its own. A field of an interface has the
 *   options of the type that implements it over those of the interface.
 * - The defaults of the schema cache no field by themselves.
 */
import { PothosSchemaError } from '@pothos/core';
import { defaultFieldResolver } from 'graphql';
import type { FieldCacheOptions, PluginOptions } from './types.ts';

/** The options that all fields of a schema can have in common. */
export const sharedOptionNames: readonly string[] = [
  ...['scope', 'ttl', 'nullTtl', 'jitter', 'stale', 'early', 'staleIfError', 'softTimeout', 'timeout'],
  ...['strict', 'refill', 'vary', 'http'],
];

const optionNames: readonly string[] = [...sharedOptionNames, 'tags', 'parentId', 'selection'];

/** Options that only `false` turns off, because none of their other values means off. */
const canBeOff = ['nullTtl', 'stale', 'staleIfError', 'timeout', 'vary', 'http'] as const;

/** The options of a field after inheritance; one that `false` has turned off is absent. */
type EffectiveOptions = Omit<FieldCacheOptions, (typeof canBeOff)[number]> & {
  readonly [Name in (typeof canBeOff)[number]]?: Exclude<FieldCacheOptions[Name], false>;
};

/** The options that apply to one field. */
export interface FieldOptions {
  readonly options: EffectiveOptions;
  /** Where those options come from that the field does not have itself, such as `type Product`. */
  readonly origins: ReadonlyMap<string, string>;
}

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
  /** The type of the field, then the interface that declares it, if there is one. */
  readonly types: readonly Configured[];
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
  const ofTypes = field.types.map((type) => ({ from: `type ${type.name}`, cache: cacheOf(type) }));
  const isOnByType = ofTypes.find(({ cache }) => cache !== undefined)?.cache ?? false;
  if (own === false) return undefined;
  if (own === undefined && (isOnByType === false || !hasOwnResolver(field))) return undefined;
  if (field.kind === 'Mutation' || field.kind === 'Subscription')
    throw new PothosSchemaError(`${field.place}: a field of ${field.kind} cannot be cached`);
  if (own !== undefined) checkNames(field.place, own);
  const levels = [
    { from: undefined, cache: own },
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
  for (const name of canBeOff) if (options[name] === false) delete options[name];
  return { options, origins };
}

/** Where the options come from that the message names, if not from the field itself. */
export function originsIn(message: string, { origins }: FieldOptions): string {
  const isNamed = (name: string): boolean => new RegExp(`\\b${name === 'tags' ? 'tags?' : name}\\b`).test(message);
  const named = [...origins].filter(([name]) => isNamed(name));
  return named.length === 0 ? '' : ` (${named.map(([name, from]) => `${name}: from ${from}`).join('; ')})`;
}

function cacheOf({ pothosOptions }: Configured): unknown {
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
  const unknownName = Object.keys(cache).find((name) => !optionNames.includes(name));
  if (unknownName === undefined) return;
  const message = `unknown option ${JSON.stringify(unknownName)} in cache; it has ${optionNames.join(', ')}`;
  throw new PothosSchemaError(`${place}: ${message}`);
}
