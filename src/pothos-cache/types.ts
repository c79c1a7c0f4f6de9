import type { Cache, Duration, ParentId, ViewerId } from '../cache/index.ts';

/**
 * What `toSchema({ cache })` takes. Without it, or with `cache: false`, the schema is built and nothing is cached. An unknown
 * option, or one of a wrong type, is rejected when the schema is built (`PothosSchemaError`).
 */
export interface PluginOptions<Context = unknown> {
  /** The engine that fields are cached in. Undefined: nothing is cached. */
  readonly engine?: Cache | undefined;
  /** How long fields without a `ttl` of their own are fresh. */
  readonly defaultTtl?: Duration;
  /** Part of every key beside the schema: change it when values change their meaning and not their type. */
  readonly version?: string;
  /**
   * Who asks, by an id that nobody else has; null or undefined where that is not known. Private fields need it, and are not
   * cached for a request without one. Change `version` when it gives other ids than before.
   */
  readonly viewer?: (context: Context) => ViewerId | null | undefined;
  /**
   * The properties of the context that identify the viewer. A public field whose resolver reads one is answered and not
   * stored, and no other request is given the value. Default: each property that `viewer` itself reads, and `user`,
   * `currentUser`, `viewer`, `session`, `auth`, `account`, `request`, `req` and `headers`; a list replaces these, and `[]`
   * declares that nothing in the context identifies the viewer. Where a context cannot be watched because it is frozen or
   * sealed, or a proxy that makes up its properties, public fields take hits and store nothing. The key of a private field contains the viewer alone: what else of
   * these properties it reads belongs into `vary`.
   */
  readonly viewerProperties?: readonly (keyof Context & string)[];
  /**
   * What a request is known by to the cache, where that is not its context: what `ResponseCache.get` was given with it, such
   * as Yoga's `req`. A store that has failed it there is then left alone by its fields, too.
   */
  readonly request?: (context: Context) => object | undefined;
  /**
   * The signal that is aborted when the client of a request has gone. Asked when a load has failed: where it failed because
   * its client disconnected, the other requests that wait for it are not failed with it. Default: what the usual servers put
   * into the context tells, such as Yoga's `request.signal`, or Node's `req` and `res`.
   */
  readonly signal?: (context: Context) => AbortSignal | undefined;
  /** Whether requests may say `@cache(mode:)`, and so go past the cache; true unless told otherwise. */
  readonly directive?: boolean;
}

/** What a field may vary by: plain data. */
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
 * How a field is cached: what its resolver returns is stored, and its children resolve from that on every request.
 *
 * The resolver must depend on nothing but parent, arguments, what `tags` names, what its load touches (the tables of its SQL,
 * with `cachepot/kysely`), what `vary` gives and, where the scope is private, the viewer. A resolver that reads which fields
 * are selected below it (`info`) needs `selection`.
 */
export interface FieldCacheOptions<Parent = unknown, Args = Record<string, unknown>, Context = unknown> {
  /**
   * Who may be given the value. `public`: everyone; the resolver must not look at who asks. `private`: the viewer alone that
   * it was loaded for, as the schema's `viewer` tells him.
   */
  readonly scope: 'public' | 'private';
  /** What else of a request the value depends on, such as tenant or locale: each has values of its own. */
  readonly vary?: (context: Context) => Variation;
  /** For how long a value is fresh, such as `'60s'` or `'5m'`; at most one day. Left out: the schema's `defaultTtl`. */
  readonly ttl?: Duration;
  /**
   * What the value depends on beside what its load touches: `engine.invalidate(['products'])` makes it void. `products:42`
   * is one row of `products`: to invalidate that leaves the values of other rows alone, and makes those void that depend on
   * the whole table.
   */
  readonly tags?: readonly string[] | ((parent: Parent, args: Args) => readonly string[]);
  /**
   * Whether every read asks the store. Else, where the cache has a memory tier, a read may give what another process has
   * made void up to 500 ms before it began. False unless told otherwise.
   */
  readonly strict?: boolean;
  /**
   * For how long browsers and proxies may give an answer to a GET again without asking, such as `'30s'`: in whole seconds, at
   * most `ttl`. It holds where all that is asked for follows from fields that say so, and the shortest counts; what is
   * invalidated meanwhile they do not hear of. Left out: they ask each time, and are told `304` where nothing has changed.
   * For a public field without `vary` that is not strict.
   */
  readonly http?: Duration;
  /**
   * Required for a field of an object or an interface: the identity of the parent among those of its type. It promises that
   * the value follows from this id and the arguments alone, whoever loaded the parent and for whom. A parent without an id is
   * answered uncached. For a field of Query it is needed only where that is given a parent or a `rootValue` to read.
   */
  readonly parentId?: (parent: Parent) => ParentId;
  /**
   * Whether the value depends on which fields are selected below it, as with a resolver that loads only those. The key then
   * contains the selection in a canonical form, and `info` shows no more than that: `fieldNodes` without fragments,
   * `@skip`, `@include` and the request's variables, ordered by name, and a `path` without the alias. Reading more
   * (`operation`, `rootValue`), or reading `info` without this option, makes the value one for its own request: it is not
   * stored. Default: false.
   */
  readonly selection?: boolean;
}
