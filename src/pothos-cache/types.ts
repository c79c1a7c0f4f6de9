import type { Cache, Duration, ParentId } from '../cache/index.ts';

/** What `toSchema({ cache })` takes. Without it the schema stands and nothing is cached. */
export interface PluginOptions {
  /** The engine that fields are cached in. */
  readonly engine: Cache;
  /** How long fields without a `ttl` of their own are fresh. */
  readonly defaultTtl?: Duration;
  /** Part of every key beside the schema: change it when values change their meaning and not their type. */
  readonly version?: string;
  /** Whether requests may say `@cache(mode:)`, and so go past the cache; true unless told otherwise. */
  readonly directive?: boolean;
}

/**
 * How a field is cached: what its resolver returns is stored, and its children resolve from that on every request.
 *
 * The resolver must depend on nothing but parent, arguments and what `tags` names: not on who asks, nor on what is
 * selected below it (`info`).
 */
export interface FieldCacheOptions<Parent = unknown, Args = Record<string, unknown>> {
  /** Who may be given the value. `public`: everyone; the resolver must not look at who asks. */
  readonly scope: 'public';
  /** For how long a value is fresh, such as `'60s'` or `'5m'`; at most one day. Left out: the schema's `defaultTtl`. */
  readonly ttl?: Duration;
  /**
   * What the value depends on: `engine.invalidate(['products'])` makes it void. `products:42` is one row of `products`: to
   * invalidate that leaves the values of other rows alone, and makes those void that depend on the whole table.
   */
  readonly tags?: readonly string[] | ((parent: Parent, args: Args) => readonly string[]);
  /**
   * The identity of the parent among those of its type, for a field that is not at the root; `parent.id` unless given.
   * A field whose parent has none is not cached: two parents must never share an entry.
   */
  readonly parentId?: (parent: Parent) => ParentId;
}
