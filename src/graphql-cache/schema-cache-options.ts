/** The options that all cached fields of a schema have in common, and the rules for them. */
import type { OptionRule, ViewerId } from '../cache/index.ts';

/** The options that all cached fields of a schema have in common, besides the engine. */
export interface SchemaCacheOptions<Context = unknown> {
  /** Part of every key, besides the schema. Change it when values change their meaning but not their type. */
  readonly version?: string;
  /**
   * Returns the viewer of a request, by an id that no other viewer has; null or undefined if it is not known. Required by private
   * fields, which are not cached for a request without a viewer. Change `version` when it returns other ids than before.
   */
  readonly viewer?: (context: Context) => ViewerId | null | undefined;
  /**
   * The properties of the context that identify the viewer. If a public field's resolver reads one, its value is returned to its
   * own request only, and not stored. Default: every property that `viewer` itself reads, and `user`, `currentUser`, `viewer`,
   * `session`, `auth`, `account`, `request`, `req` and `headers`. A list replaces these; `[]` declares that nothing in the
   * context identifies the viewer. A context that is frozen or sealed, or a proxy that computes its properties, cannot be
   * watched: public fields then use stored values, and store none. The key of a private field contains the viewer only: what
   * else of these properties its resolver reads belongs into `vary`.
   */
  readonly viewerProperties?: readonly (keyof Context & string)[];
  /**
   * Identifies a request to the cache, if that is not its context: what `ResponseCache.get` received for it, such as Yoga's
   * `req`. If the store fails there, the fields of the request bypass it too.
   */
  readonly request?: (context: Context) => object | undefined;
  /**
   * Returns the signal that is aborted when the client of a request disconnects. Called after a load has failed: if its client
   * disconnected, the other requests that wait for the load do not fail. Default: what the usual servers put into the context,
   * such as Yoga's `request.signal`, or Node's `req` and `res`.
   */
  readonly signal?: (context: Context) => AbortSignal | undefined;
  /**
   * Returns the context for loads in the background, of fields with `stale`, `early`, `refill` or `shadow`. The parameter is the context of a
   * request that has read the value and may have ended. The result must have the same viewer and variation, otherwise the load fails.
   * Needed if resolvers use something that ends with the request, such as a transaction. Default: that context, with abort signals that
   * never fire.
   */
  readonly refreshContext?: (context: Context) => Context;
  /** Whether requests may use `@cache(mode:)`, on a field or on the query, and so bypass the cache. Default: true. */
  readonly directive?: boolean;
}

const ofContext: OptionRule = { must: 'a function of the context', isRight: (value) => typeof value === 'function' };

/** The rule for an option that is an engine. */
export const engineRule: OptionRule = { must: 'what createCache returns', isRight: isEngine };

/** The rules for the options in `SchemaCacheOptions`. */
export const schemaOptionRules: Readonly<Record<keyof SchemaCacheOptions, OptionRule>> = {
  version: { must: 'a text', isRight: (value) => typeof value === 'string' },
  viewer: ofContext,
  viewerProperties: { must: 'a list of property names', isRight: isNames },
  request: ofContext,
  signal: ofContext,
  refreshContext: ofContext,
  directive: { must: 'true or false', isRight: (value) => typeof value === 'boolean' },
};

/** Recognised by its methods, because a program may contain two copies of this package. */
function isEngine(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const methods = ['fetch', 'key', 'uncached', 'registerSchema'];
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
