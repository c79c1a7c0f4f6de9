/** The option on a field: checked when the schema is built, and turned into what each request needs. */
import { PothosSchemaError } from '@pothos/core';
import {
  CacheError,
  createPolicy,
  durationMsOf,
  storedStaleMs,
  type ParentId,
  type Policy,
  type PolicyOptions,
} from '../cache/index.ts';
import type { FieldCacheOptions, PluginOptions, Variation } from './types.ts';
import { unawaited } from './unawaited.ts';

export interface FieldPolicy {
  /** The policy of one request. @throws {CacheError} for invalid tags. */
  policyOf(parent: unknown, args: Record<string, unknown>): Policy;
  /**
   * The identity of the parent; undefined if the key needs none, as for fields of Query.
   *
   * @throws {CacheError} if the parent has no identity.
   */
  parentIdOf(parent: unknown): ParentId | undefined;
  readonly isPrivate: boolean;
  /** Returns the part of the context that the value varies by; undefined if it does not vary. */
  readonly varyOf: ((context: unknown) => Variation) | undefined;
  /** The part that is the same for every request, for the digest. */
  readonly ttlMs: number;
  /** Whether a function decides how long each value stays fresh, `ttlMs` at most. */
  readonly hasTtlFunction: boolean;
  readonly nullTtlMs: number | null | undefined;
  /** For how long after that it is stored. */
  readonly staleMs: number;
  readonly staticTags: readonly string[] | undefined;
  readonly isStrict: boolean;
  /** Whether the key contains the selection below the field. */
  readonly hasSelection: boolean;
  /** How long browsers and proxies may reuse a response without asking; undefined if they must ask. */
  readonly httpMs: number | undefined;
}

const optionNames = [
  'scope',
  'ttl',
  'nullTtl',
  'jitter',
  'stale',
  'early',
  'staleIfError',
  'softTimeout',
  'timeout',
  'tags',
  'strict',
  'refill',
  'parentId',
  'selection',
  'vary',
  'http',
];

/** The position of a field in the schema. */
interface Field {
  /** Such as `Query.topProducts`. */
  readonly place: string;
  /** Whether it is a field of Query. */
  readonly isRoot: boolean;
}

const whyRefreshContext =
  'what the context of an earlier request remembers may be older than the change; (context) => context if it remembers nothing';

/** The TTL of a field without `ttl` while nothing is cached, so that it does not matter. */
const ttlWhenOff = '1d';

/**
 * @param ofSchema Undefined, or without an engine, if nothing is cached.
 * @throws {PothosSchemaError} with the field, the rule and the value.
 */
export function createFieldPolicy(
  { place, isRoot }: Field,
  options: FieldCacheOptions,
  ofSchema: (Pick<PluginOptions<never>, 'engine' | 'defaultTtl' | 'viewer'> & { refreshContext?: unknown }) | undefined,
): FieldPolicy {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw wrong(place, `cache must be an object of options, or false, got ${JSON.stringify(options)}`);
  }
  const unknownName = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknownName !== undefined)
    throw wrong(place, `unknown option ${JSON.stringify(unknownName)} in cache; it has ${optionNames.join(', ')}`);
  const {
    scope,
    nullTtl,
    jitter,
    stale,
    early = stale !== undefined,
    tags,
    strict = false,
    refill = false,
    parentId,
    selection = false,
    vary,
  } = options;
  const isOff = ofSchema?.engine === undefined;
  if (scope !== 'public' && scope !== 'private') {
    throw wrong(place, `cache.scope is required and must be 'public' or 'private', got ${JSON.stringify(scope)}`);
  }
  if (scope === 'private' && !isOff && ofSchema.viewer === undefined) {
    throw wrong(place, "cache.scope 'private' needs viewer, an option of toSchema({ cache })");
  }
  if (vary !== undefined && typeof vary !== 'function') {
    throw wrong(place, `cache.vary must be a function of the context, got ${typeof vary}`);
  }
  if (parentId === undefined ? !isRoot : typeof parentId !== 'function') throw wrongParentId(place, parentId);
  if (typeof selection !== 'boolean') {
    throw wrong(place, `cache.selection must be true or false, got ${typeof selection}`);
  }
  const ttl = options.ttl ?? ofSchema?.defaultTtl ?? (isOff ? ttlWhenOff : undefined);
  if (ttl === undefined) throw wrong(place, 'cache.ttl must be set, here or as defaultTtl of toSchema({ cache })');

  const staticTags = typeof tags === 'function' ? undefined : (tags ?? []);
  const { staleIfError, softTimeout, timeout } = options;
  const ofValue: PolicyOptions['ttl'] = typeof ttl === 'function' ? (value, { args }) => ttl({ ...args }, value) : ttl;
  const withoutTags = {
    ttl: ofValue,
    nullTtl,
    jitter,
    stale,
    early,
    staleIfError,
    softTimeout,
    timeout,
    strict,
    refill,
  };
  const base = checked(() => createPolicy(place, { ...withoutTags, tags: staticTags ?? [] }));
  if (refill && !isOff && ofSchema.refreshContext === undefined) {
    throw wrong(place, `cache.refill needs refreshContext, an option of toSchema({ cache }): ${whyRefreshContext}`);
  }
  return {
    ttlMs: base.ttlMs,
    hasTtlFunction: typeof ttl === 'function',
    nullTtlMs: base.nullTtlMs,
    staleMs: storedStaleMs(base),
    staticTags,
    isPrivate: scope === 'private',
    varyOf: vary,
    isStrict: strict,
    hasSelection: selection,
    httpMs: httpMsOf(place, options, base.ttlMs),
    policyOf: (parent, args) =>
      typeof tags === 'function' ? createPolicy(place, { ...withoutTags, tags: unawaited(tags(parent, args)) }) : base,
    parentIdOf: (parent) =>
      parentId === undefined ? requireRoot(place, parent) : checkedId(place, unawaited(parentId(parent))),
  };
}

function wrongParentId(place: string, got: unknown): PothosSchemaError {
  return wrong(
    place,
    'cache.parentId must be a function such as ({ id }) => id on a field of an object. It promises that the value follows' +
      ` from this id and the arguments alone, got ${got === undefined ? 'none' : typeof got}`,
  );
}

function checkedId(place: string, id: unknown): ParentId {
  if (typeof id === 'string' || typeof id === 'bigint') return id;
  if (typeof id === 'number' && Number.isFinite(id)) return id;
  const got = id instanceof Promise ? 'a promise' : id === null || typeof id === 'number' ? String(id) : typeof id;
  throw new CacheError('INVALID_KEY', `${place}: the parent needs an id (text, number or bigint), got ${got}`);
}

/** The resolver may read the properties of such a parent, and the key would not contain them. */
function requireRoot(place: string, parent: unknown): undefined {
  if (parent === undefined || parent === null || parent === true || isEmpty(parent)) return;
  throw new CacheError(
    'INVALID_KEY',
    `${place}: it is given a parent (or rootValue) that its key does not contain: set cache.parentId`,
  );
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Reflect.ownKeys(value).length > 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function httpMsOf(place: string, { http, scope, vary, strict }: FieldCacheOptions, ttlMs: number): number | undefined {
  if (http === undefined) return undefined;
  if (scope !== 'public' || vary !== undefined || strict === true) {
    throw wrong(place, "cache.http is for fields with scope 'public', without vary and strict");
  }
  const httpMs = durationMsOf(http);
  if (httpMs >= 1_000 && httpMs % 1_000 === 0 && httpMs <= ttlMs) return httpMs;
  throw wrong(place, `cache.http must be whole seconds such as '30s', at most cache.ttl, got ${JSON.stringify(http)}`);
}

/** An invalid policy is an error of the schema. */
function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof CacheError) throw new PothosSchemaError(error.message);
    throw error;
  }
}

function wrong(place: string, rule: string): PothosSchemaError {
  return new PothosSchemaError(`${place}: ${rule}`);
}
