/** The option on a field, checked when the schema is built and made into what a request needs. */
import { PothosSchemaError } from '@pothos/core';
import { CacheError, createPolicy, durationMsOf, type ParentId, type Policy } from '../cache/index.ts';
import type { FieldCacheOptions, PluginOptions, Variation } from './types.ts';

export interface FieldPolicy {
  /** The policy of one request. @throws {CacheError} for tags that are none. */
  policyOf(parent: unknown, args: Record<string, unknown>): Policy;
  /** The parent's identity. @throws {CacheError} where it has none. */
  parentIdOf(parent: unknown): ParentId;
  readonly isPrivate: boolean;
  /** What of the context the value varies by; undefined where there is nothing. */
  readonly varyOf: ((context: unknown) => Variation) | undefined;
  /** What of it is the same for every request, for the digest. */
  readonly ttlMs: number;
  readonly staticTags: readonly string[] | undefined;
  readonly isStrict: boolean;
  /** For how long an answer may be given again without asking; undefined where it may not. */
  readonly httpMs: number | undefined;
}

const optionNames = ['scope', 'ttl', 'tags', 'strict', 'parentId', 'vary', 'http'];

/**
 * @param place The field, as `Query.topProducts`.
 * @param ofSchema Undefined where nothing is cached.
 * @throws {PothosSchemaError} naming the field, the rule and the value.
 */
export function createFieldPolicy(
  place: string,
  options: FieldCacheOptions,
  ofSchema: Pick<PluginOptions<never>, 'defaultTtl' | 'viewer'> | undefined,
): FieldPolicy {
  const unknownName = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknownName !== undefined) throw wrong(place, `cache has ${optionNames.join(', ')}, got ${unknownName}`);
  const { scope, tags, strict = false, parentId = parentIdDefault, vary } = options;
  if (scope !== 'public' && scope !== 'private') {
    throw wrong(place, `cache.scope must be said and be 'public' or 'private', got ${JSON.stringify(scope)}`);
  }
  if (scope === 'private' && ofSchema !== undefined && ofSchema.viewer === undefined) {
    throw wrong(place, "cache.scope 'private' needs viewer, an option of toSchema({ cache })");
  }
  if (vary !== undefined && typeof vary !== 'function') {
    throw wrong(place, `cache.vary must be a function of the context, got ${typeof vary}`);
  }
  const ttl = options.ttl ?? ofSchema?.defaultTtl;
  if (ttl === undefined) throw wrong(place, 'cache.ttl must be set, here or as defaultTtl of toSchema({ cache })');

  if (typeof strict !== 'boolean') throw wrong(place, `cache.strict must be true or false, got ${typeof strict}`);
  const staticTags = typeof tags === 'function' ? undefined : (tags ?? []);
  const base = checked(() => createPolicy(place, { ttl, tags: staticTags ?? [], strict }));
  return {
    ttlMs: base.ttlMs,
    staticTags,
    isPrivate: scope === 'private',
    varyOf: vary,
    isStrict: strict,
    httpMs: httpMsOf(place, options, base.ttlMs),
    policyOf: (parent, args) =>
      typeof tags === 'function' ? createPolicy(place, { ttl, tags: tags(parent, args), strict }) : base,
    parentIdOf(parent) {
      const id: unknown = parentId(parent);
      if (typeof id === 'string' || Number.isFinite(id) || typeof id === 'bigint') return id as ParentId;
      const got = id === null || typeof id === 'number' ? String(id) : typeof id;
      throw new CacheError('INVALID_KEY', `${place}: the parent needs an id (text, number or bigint), got ${got}`);
    },
  };
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

function parentIdDefault(parent: unknown): ParentId {
  return (parent as { id: ParentId } | null | undefined)?.id as ParentId;
}

/** A wrong policy is an error of the schema. */
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
