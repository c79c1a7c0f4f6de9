/**
 * The fields that one cached resolver is used for. They are not known when it is created, so each is checked and gets its schema digest when
 * it is first requested, or in `checkCachedFields`.
 */
import type { GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { isObjectType } from 'graphql';
import { CacheError, watchInstalledDataLoaders, type Cache } from '../cache/index.ts';
import { argumentDefaultsOf } from './argument-defaults.ts';
import type { CachedField, Resolver } from './cached-resolvers.ts';
import { checkReturnsObject } from './check-returns-object.ts';
import type { FieldOptions } from './effective-options.ts';
import { noteEnumIdentities } from './enum-values.ts';
import type { FieldPlace, FieldPolicy } from './field-policy.ts';
import { schemaDigestOf } from './schema-digest.ts';

/** The parts of `info` that identify a field. */
type Field = Pick<GraphQLResolveInfo, 'schema' | 'parentType' | 'fieldName'>;

interface Parts<Context> {
  readonly resolver: Resolver<Context>;
  readonly engine: Cache;
  readonly version: string | undefined;
  readonly given: FieldOptions;
  readonly policyOf: (place: FieldPlace) => FieldPolicy;
}

/** The fields of each resolver that `cacheResolver` has returned. */
const fieldsOf = new WeakMap<object, Pick<ResolverFields<never>, 'of'>>();
/** The schemas whose enums are noted. */
const notedSchemas = new WeakSet<GraphQLSchema>();

export function isCachedResolver(resolver: object): boolean {
  return fieldsOf.has(resolver);
}

export class ResolverFields<Context> {
  readonly #parts: Parts<Context>;
  /** By schema, then by `Type.field`. */
  readonly #fields = new WeakMap<GraphQLSchema, Map<string, CachedField<Context>>>();
  #last: (Field & { readonly cached: CachedField<Context> }) | undefined;

  constructor(parts: Parts<Context>) {
    this.#parts = parts;
  }

  registerAs(resolver: object): void {
    fieldsOf.set(resolver, this);
  }

  /** @throws {CacheError} `INVALID_OPTIONS` if the field cannot be cached. */
  of({ schema, parentType, fieldName }: Field): CachedField<Context> {
    const last = this.#last;
    if (last?.parentType === parentType && last.fieldName === fieldName && last.schema === schema) return last.cached;
    const fields = this.#fields.get(schema) ?? new Map<string, CachedField<Context>>();
    this.#fields.set(schema, fields);
    const place = `${parentType.name}.${fieldName}`;
    const cached = fields.get(place) ?? this.#add(place, { schema, parentType, fieldName });
    fields.set(place, cached);
    this.#last = { schema, parentType, fieldName, cached };
    return cached;
  }

  #add(place: string, { schema, parentType, fieldName }: Field): CachedField<Context> {
    const { resolver, engine, version, given, policyOf } = this.#parts;
    checkType(schema, parentType, place);
    const policy = policyOf({ place, isRoot: parentType === schema.getQueryType() });
    const field = parentType.getFields()[fieldName];
    if (field !== undefined) checkReturnsObject(place, given.options, field.type);
    noteSchema(schema);
    const schemaDigest = schemaDigestOf(schema, new Map([[place, policy]]), version);
    engine.registerSchema(schemaDigest, argumentDefaultsOf(schema, [place]));
    return { resolver, policy, schemaDigest };
  }
}

function checkType(schema: GraphQLSchema, type: GraphQLObjectType, place: string): void {
  const name = [schema.getMutationType(), schema.getSubscriptionType()].includes(type) ? type.name : undefined;
  if (name === undefined) return;
  throw new CacheError('INVALID_OPTIONS', `${place}: a field of ${name} cannot be cached`);
}

function noteSchema(schema: GraphQLSchema): void {
  if (notedSchemas.has(schema)) return;
  notedSchemas.add(schema);
  noteEnumIdentities(schema);
  // Modules that were loaded since the cache was created may contain further copies of DataLoader.
  watchInstalledDataLoaders();
}

/**
 * Checks all fields of a schema whose resolvers `cacheResolver` has returned, instead of each when it is first requested. From then on,
 * `cache.delete` finds their values, also those that other processes have stored. A resolver that a library has wrapped is not recognized.
 *
 * @returns The fields, such as `Query.books`, in the order of the schema.
 * @throws {CacheError} `INVALID_OPTIONS` for the first field that cannot be cached.
 */
export function checkCachedFields(schema: GraphQLSchema): readonly string[] {
  return Object.values(schema.getTypeMap())
    .filter(isObjectType)
    .flatMap((parentType) =>
      Object.values(parentType.getFields()).flatMap(({ name: fieldName, resolve }) => {
        const fields = resolve === undefined ? undefined : fieldsOf.get(resolve);
        if (fields === undefined) return [];
        fields.of({ schema, parentType, fieldName });
        return [`${parentType.name}.${fieldName}`];
      }),
    );
}
