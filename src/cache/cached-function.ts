/** Caches any function by its arguments, without GraphQL. */
import { hasMethods, received } from './base/check-options.ts';
import { CacheError } from './base/errors.ts';
import type { Cache } from './cache.ts';
import type { Key } from './entry/key.ts';
import type { Mode } from './fetch.ts';
import { createPolicy, withTags, type Policy, type PolicyOptions } from './policy.ts';

/** The options of `cached`: those of a policy; `tags` may depend on the arguments. */
export interface CachedFunctionOptions<Args extends readonly unknown[], Value> extends Omit<
  PolicyOptions<Value>,
  'tags'
> {
  readonly tags?: readonly string[] | ((...args: Args) => readonly string[]);
}

/** A function whose results are cached. Its promises reject with what the function throws, or with `CacheError`; see `Cache.fetch`. */
export interface CachedFunction<Args extends readonly unknown[], Value> {
  /** Returns the result for these arguments: from the cache, or from a call of the function. */
  (...args: Args): Promise<Value>;
  /**
   * The key of the result for these arguments.
   *
   * @throws {CacheError} `INVALID_KEY` for an argument without a canonical form.
   */
  readonly key: (...args: Args) => Key;
  /** Calls the function, stores its result and returns it. */
  readonly refresh: (...args: Args) => Promise<Value>;
  /** Removes the result for these arguments; see `Cache.delete`. Returns the number of results removed. */
  readonly delete: (...args: Args) => Promise<number>;
}

/**
 * Returns a function with the same parameters as `fn`, whose results are cached by their arguments.
 *
 * - Arguments are JSON, bigint, Date, bytes, or instances of classes that have a codec (`CacheOptions.codecs`). For any other, such as a
 *   function, the promise rejects with `INVALID_KEY`.
 * - Undefined at the end counts as left out: `f(1)` and `f(1, undefined)` have one result, and `fn` is called with one argument.
 * - `this` is not passed on. An argument must not be changed before its promise has settled, and with `stale`, `early`, `refill` or `shadow`
 *   not at all: if it has been, the load fails with `INVALID_KEY`.
 *
 * @param name Identifies the function in keys, events and reports, such as `exchangeRate`: a text without `:`. Two functions must not have
 *   the same name in one namespace, in other processes either: they would receive each other's results. Give a function another name when
 *   the meaning of its results changes.
 * @throws {CacheError} `INVALID_KEY` for the name, `INVALID_POLICY`, `INVALID_TAG` or `INVALID_OPTIONS`.
 */
export function cached<Args extends readonly unknown[], Value>(
  cache: Cache,
  name: string,
  options: CachedFunctionOptions<Args, Value>,
  fn: (...args: Args) => Value | Promise<Value>,
): CachedFunction<Args, Value> {
  checkArguments(cache, name, fn);
  const { tags = [], ...others } = options ?? {};
  const policy = createPolicy<Value>(name, { ...others, tags: typeof tags === 'function' ? [] : tags });
  const policyOf = (args: Args): Policy =>
    typeof tags === 'function' ? withTags(name, policy, tags(...args)) : policy;
  const argsOf = (args: Args): Record<string, unknown> => Object.fromEntries(args.entries());
  const keyOf = (args: Args): Key => cache.key({ field: name, args: argsOf(args) });
  const call = async (given: Args, mode: Mode): Promise<Value> => {
    const args = withoutLastUndefined(given);
    const key = keyOf(args);
    const load = (): Value | Promise<Value> => {
      // Otherwise the result for other arguments would be stored at this key.
      if (keyOf(args).text !== key.text) throw new CacheError('INVALID_KEY', `${name}: an argument was changed`);
      return fn(...args);
    };
    return await cache.fetch(key, policyOf(args), load, { mode });
  };
  return Object.assign((...args: Args) => call(args, 'use'), {
    key: (...args: Args) => keyOf(withoutLastUndefined(args)),
    refresh: (...args: Args) => call(args, 'refresh'),
    delete: async (...args: Args) => await cache.delete(name, argsOf(withoutLastUndefined(args))),
  });
}

/** For callers without types. */
function checkArguments(cache: Cache, name: string, fn: unknown): void {
  if (!hasMethods(cache, ['fetch', 'key'])) {
    const message = `cached: the first argument must be a cache, which createCache() returns, got ${received(cache)}`;
    throw new CacheError('INVALID_OPTIONS', message);
  }
  try {
    cache.key({ field: name });
  } catch {
    const rule = 'the name must be a text such as "exchangeRate", without ":", other than "tag"';
    throw new CacheError('INVALID_KEY', `cached: ${rule}, got ${received(name)}`);
  }
  if (typeof fn === 'function') return;
  throw new CacheError('INVALID_OPTIONS', `cached: ${name} needs a function, got ${received(fn)}`);
}

/** A parameter that is left out is undefined, too. */
function withoutLastUndefined<Args extends readonly unknown[]>(args: Args): Args {
  const count = args.findLastIndex((arg) => arg !== undefined) + 1;
  return count === args.length ? args : (args.slice(0, count) as readonly unknown[] as Args);
}
