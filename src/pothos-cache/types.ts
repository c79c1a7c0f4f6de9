import type { Cache, Duration } from '../cache/index.ts';
import type { FieldCacheOptions, SchemaCacheOptions } from '../graphql-cache/index.ts';

/**
 * The options of `toSchema({ cache })`. Without them, or with `cache: false`, the schema is built and nothing is cached. An
 * unknown option, or one of a wrong type, is rejected when the schema is built (`PothosSchemaError`).
 */
export interface PluginOptions<Context = unknown> extends SchemaCacheOptions<Context> {
  /** The engine, from `createCache`. Undefined: nothing is cached. */
  readonly engine?: Cache | undefined;
  /** A short form of `defaults: { ttl }`. */
  readonly defaultTtl?: Duration;
  /**
   * The options that each cached field has unless its type or the field itself says otherwise. They cache no field by themselves.
   * `http` and `cdn` apply only to fields that can have them; any other default that a field cannot have is an error.
   */
  readonly defaults?: CacheDefaults<Context>;
}

/** Options that the fields of a schema have in common; see `PluginOptions.defaults`. */
export type CacheDefaults<Context = unknown> = Omit<
  FieldCacheOptions<unknown, Record<string, unknown>, Context>,
  'tags' | 'parentId' | 'selection' | 'fields'
>;

/**
 * The option `cache` of an object type, an interface or Query: each of its fields that has a resolver of its own is cached with these
 * options, unless the field says otherwise. `true`: with the schema's `defaults`.
 */
export type TypeCacheOptions<Parent = unknown, Context = unknown> =
  FieldCacheOptions<Parent, Record<string, unknown>, Context> | boolean;
