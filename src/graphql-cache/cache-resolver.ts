/** Caches one resolver of any schema that GraphQL.js executes. */
import type { GraphQLResolveInfo } from 'graphql';
import { checkOptions, type Cache, type Duration, type OptionRule } from '../cache/index.ts';
import { CachedResolvers, type Resolver } from './cached-resolvers.ts';
import { fieldOptionNames, withoutOff } from './effective-options.ts';
import type { FieldCacheOptions } from './field-cache-options.ts';
import { noteCached } from './exposed-properties.ts';
import { createFieldPolicy } from './field-policy.ts';
import { notePureResolver } from './pure-operation.ts';
import { isCachedResolver, ResolverFields } from './resolver-fields.ts';
import { engineRule, schemaOptionRules, type SchemaCacheOptions } from './schema-cache-options.ts';

/**
 * The options of `cacheResolver`: those of a field, and those that the fields of a schema usually share, such as
 * `const shared = { engine, viewer: ({ user }) => user?.id }`.
 */
export interface ResolverCacheOptions<
  Parent = unknown,
  Args = Record<string, unknown>,
  Context = unknown,
  Value = unknown,
>
  extends SchemaCacheOptions<Context>, Omit<FieldCacheOptions<Parent, Args, Context, Value>, 'scope' | 'ttl'> {
  /** The engine, from `createCache`. */
  readonly engine: Cache;
  /** As in `FieldCacheOptions`; required. */
  readonly scope: 'public' | 'private';
  /** As in `FieldCacheOptions`; required. */
  readonly ttl: Duration | ((args: Args, value: Value) => Duration | null);
}

const everyValue: OptionRule = { must: 'anything', isRight: () => true };

const rules = {
  engine: { ...engineRule, isRequired: true },
  // Their values are checked when the policy is created.
  ...Object.fromEntries(fieldOptionNames.map((name) => [name, everyValue])),
  ...schemaOptionRules,
};

const resolverRules = {
  resolve: {
    must: 'a function, and not one that cacheResolver returned',
    isRight: (value: unknown) => typeof value === 'function' && !isCachedResolver(value),
    isRequired: true,
  },
};

const name = 'cacheResolver';
const places = { ofSchema: name };

/**
 * Returns a resolver that answers from the cache, and calls `resolve` to load. It may be used for several fields, and in several
 * schemas: each has values of its own.
 *
 * Code that must run on every request, such as authorization, must wrap the returned resolver. `resolve` is called without `this`. If it
 * returns a value that cannot be stored, such as an instance of a class without a codec, its request receives the value, and a warning is
 * logged.
 *
 * A field of Mutation or Subscription cannot be cached, nor can a field of an object without `parentId`: there, each call of the resolver
 * throws a `CacheError` with the code `INVALID_OPTIONS`, as does `checkCachedFields`.
 *
 * @param resolve A resolver with the parameters that GraphQL.js passes. A method of a TypeGraphQL class, for example, has others.
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_POLICY` or `INVALID_TAG`, with the option, the rule and the value.
 */
export function cacheResolver<Parent, Args, Context, Value>(
  options: ResolverCacheOptions<Parent, Args, Context, Value>,
  resolve: (parent: Parent, args: Args, context: Context, info: GraphQLResolveInfo) => Value | Promise<Value>,
): (parent: Parent, args: Args, context: Context, info: GraphQLResolveInfo) => Value | Promise<Value> {
  checkOptions(name, options, rules);
  checkOptions(name, { resolve }, resolverRules);
  const schema = { ...options };
  const ofField = Object.entries(options).filter(
    ([one, value]) => fieldOptionNames.includes(one) && value !== undefined,
  );
  const given = { options: withoutOff(Object.fromEntries(ofField)), origins: new Map<string, string>() };
  const { isPrivate, varyOf } = createFieldPolicy({ place: name, isRoot: true }, given, { schema, places });
  const resolvers = new CachedResolvers<Context>(schema);
  // GraphQL.js calls it with the parent and the arguments of the field that it is used for.
  const resolver = resolve as Resolver<Context>;
  const fields = new ResolverFields({
    resolver,
    engine: schema.engine,
    version: schema.version,
    given,
    policyOf: (place) => createFieldPolicy(place, given, { schema, places }),
  });
  const cached: Resolver<Context> = (parent, args, context, info) =>
    resolvers.resolve(fields.of(info), { parent, args: args as Record<string, unknown>, context, info });
  if (!isPrivate && varyOf === undefined) notePureResolver(cached);
  fields.registerAs(cached);
  noteCached(cached);
  keepWhenBound(cached);
  return cached as ReturnType<typeof cacheResolver<Parent, Args, Context, Value>>;
}

/**
 * `makeExecutableSchema` binds each resolver to the object that contains it. `checkCachedFields` would not recognize a bound copy, and this
 * resolver does not use `this`.
 */
function keepWhenBound(cached: (...args: never[]) => unknown): void {
  const bind = (self: unknown, ...args: never[]): unknown =>
    args.length === 0 ? cached : Function.prototype.bind.call(cached, self, ...args);
  Object.defineProperty(cached, 'bind', { value: bind });
}
