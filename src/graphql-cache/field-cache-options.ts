import type { Duration, ParentId } from '../cache/index.ts';

/** What the value of a field may vary by: plain data. */
export type Variation =
  | string
  | number
  | bigint
  | boolean
  | Date
  | null
  | undefined
  | readonly Variation[]
  | { readonly [name: string]: Variation };

/**
 * How a field is cached: what its resolver returns is stored, and its child fields resolve from that on every request.
 *
 * The resolver must depend only on the parent, the arguments, what `tags` names, what its load touches (the tables of its SQL,
 * with `cachepot/kysely`), what `vary` returns and, if the scope is private, the viewer. A resolver that reads which fields
 * are selected below it (`info`) needs `selection`.
 *
 * With Pothos, an option that is not given, or undefined, is that of the field's type, otherwise of the schema's `defaults`. `false` turns
 * such an option off: `nullTtl`, `stale`, `staleIfError`, `timeout`, `vary`, `http`, `cdn`.
 */
export interface FieldCacheOptions<
  Parent = unknown,
  Args = Record<string, unknown>,
  Context = unknown,
  Value = unknown,
> {
  /**
   * Who may receive the value. `public`: everyone; the resolver must not read the viewer. `private`: only the viewer that it was
   * loaded for, as returned by the schema's `viewer`. Required: on the field, on its type or in the schema's `defaults`.
   */
  readonly scope?: 'public' | 'private';
  /** What else of a request the value depends on, such as the tenant or the locale: each has values of its own. */
  readonly vary?: ((context: Context) => Variation) | false;
  /**
   * How long a value stays fresh, such as `'60s'` or `'5m'`; at most one day. Or a function that decides that for each value, after its
   * load: it returns a duration, or null if the value is not to be stored. It receives a copy of the value and must be synchronous. If it
   * throws or returns anything else, the value is returned and not stored, and a warning says so. Required: on the field, on its type or in the
   * schema's `defaults`.
   */
  readonly ttl?: Duration | ((args: Args, value: Value) => Duration | null);
  /**
   * The TTL of null and undefined, such as `'5s'`: shorter or longer than `ttl`, and instead of what a function `ttl` would return. null:
   * they are not stored. Default: they are cached like any other value.
   */
  readonly nullTtl?: Duration | null | false;
  /**
   * The part of `ttl` by which a value may expire sooner, 0 to 0.5: with `'10m'` and 0.1, each value is fresh for 9 to 10 minutes. Values
   * that were loaded together then do not expire together. Default: 0.
   */
  readonly jitter?: number;
  /**
   * For how long after `ttl` the value may still be returned, such as `'5m'`; together with `ttl` at most one day. A request that receives it
   * does not wait: the value is loaded again in the background, by one process; see `refreshContext`. An invalidated value is never
   * returned. Default: none, so the first request after `ttl` waits for the load.
   */
  readonly stale?: Duration | false;
  /**
   * Whether the value may be loaded again in the background shortly before `ttl` ends: the slower its load and the more it is
   * requested, the more probably. Default: true with `stale`, otherwise false.
   */
  readonly early?: boolean;
  /**
   * For how long after `ttl` the value may be returned if its load fails, such as `'1h'`; together with `ttl` at most one day. The load
   * is then tried again after a second, and after a longer pause each time, half a minute at most, by one process. An invalidated
   * value is never returned: the request receives the error. Default: none.
   */
  readonly staleIfError?: Duration | false;
  /** With `staleIfError`: how long a request waits for the load before it receives the expired value. Default: `'2s'`. */
  readonly softTimeout?: Duration;
  /** How long requests wait for a load before it counts as failed (`LOAD_TIMEOUT`), such as `'10s'`. Default: without limit. */
  readonly timeout?: Duration | false;
  /**
   * The share of hits that are also loaded in the background and compared, 0 to 1, such as 0.01. A difference that no invalidation explains is
   * reported by the event `shadow-difference`, and by a warning with the paths that differ. Default: 0.
   */
  readonly shadow?: number;
  /**
   * What the value depends on, besides what its load touches: `engine.invalidate(['products'])` invalidates it. `products:42` is
   * one row of `products`: invalidating that row leaves the values of other rows valid, and invalidates those that depend on the
   * whole table.
   */
  readonly tags?: readonly string[] | ((parent: Parent, args: Args) => readonly string[]);
  /**
   * Whether every read asks the store. Otherwise, if the cache has a memory tier, a read may return a value that another process
   * invalidated up to 500 ms before the read began. Default: false.
   */
  readonly strict?: boolean;
  /**
   * Whether a value that was read in this process in the last minute is loaded again as soon as it is invalidated, so that the next
   * request does not wait; at most 1,000 values. The load runs in the background, with the context that `refreshContext` returns,
   * which is required. Each change costs a load, even if no request follows. Default: false.
   */
  readonly refill?: boolean;
  /**
   * For a field that returns one object: whether the properties of its value are stored apart, so that a request reads those that the
   * fields below it expose (without a resolver, or with `t.expose…` of Pothos), and `engine.replaceField` can replace one. If another field
   * is selected, or the type is an interface or a union, all are read. It pays off for large objects of which few properties are read.
   * Default: false.
   */
  readonly fields?: boolean;
  /**
   * How long browsers and proxies may reuse the response to a GET request without asking, such as `'30s'`: whole seconds, at most
   * `ttl`. It applies if every field of the response has this option; the shortest duration counts. Invalidations do not reach
   * them meanwhile. Default: they ask each time, and receive `304` if nothing has changed. Only for a public field without `vary`
   * that is not strict.
   */
  readonly http?: Duration | false;
  /**
   * How long a CDN that is purged may reuse the response to a GET request without asking, such as `'1h'`: whole seconds, at most `ttl`. For
   * browsers, `http` applies, or they ask each time. It has an effect only if responses are tagged; see `createCdn`. Default: the value of
   * `http`. Only for a field that can have `http`.
   */
  readonly cdn?: Duration | false;
  /**
   * Required for a field of an object or an interface: the identity of the parent among those of its type. It promises that
   * the value follows from this id and the arguments alone, no matter which request loaded the parent. If the parent has no id, the
   * field is resolved without the cache. A field of Query needs it only if it reads a parent or a `rootValue`.
   */
  readonly parentId?: (parent: Parent) => ParentId;
  /**
   * Whether the value depends on which fields are selected below it, as with a resolver that loads only those. The key then
   * contains the selection in a canonical form, and `info` shows no more than that: `fieldNodes` without fragments,
   * `@skip`, `@include` and the request's variables, ordered by name, and a `path` without the alias. A resolver that reads more
   * (`operation`, `rootValue`), or reads `info` without this option, has a value for its own request only, which is not stored.
   * Default: false.
   */
  readonly selection?: boolean;
}
