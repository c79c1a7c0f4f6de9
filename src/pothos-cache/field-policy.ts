/** The option on a field, checked when the schema is built and made into what a request needs. */
import { PothosSchemaError } from '@pothos/core';
import { CacheError, createPolicy, type ParentId, type Policy } from '../cache/index.ts';
import type { FieldCacheOptions, PluginOptions } from './types.ts';

export interface FieldPolicy {
  /** The policy of one request. @throws {CacheError} for tags that are none. */
  policyOf(parent: unknown, args: Record<string, unknown>): Policy;
  /** The parent's identity. @throws {CacheError} where it has none. */
  parentIdOf(parent: unknown): ParentId;
  /** What of it is the same for every request, for the digest. */
  readonly ttlMs: number;
  readonly staticTags: readonly string[] | undefined;
}

const optionNames = ['scope', 'ttl', 'tags', 'parentId'];

/**
 * @param place The field, as `Query.topProducts`.
 * @throws {PothosSchemaError} naming the field, the rule and the value.
 */
export function createFieldPolicy(
  place: string,
  options: FieldCacheOptions,
  { defaultTtl }: Pick<PluginOptions, 'defaultTtl'>,
): FieldPolicy {
  const unknownName = Object.keys(options).find((name) => !optionNames.includes(name));
  if (unknownName !== undefined) throw wrong(place, `cache has ${optionNames.join(', ')}, got ${unknownName}`);
  if (options.scope !== 'public') {
    throw wrong(place, `cache.scope must be said and be 'public', got ${JSON.stringify(options.scope)}`);
  }
  const ttl = options.ttl ?? defaultTtl;
  if (ttl === undefined) throw wrong(place, 'cache.ttl must be set, here or as defaultTtl of toSchema({ cache })');

  const { tags, parentId = parentIdDefault } = options;
  const staticTags = typeof tags === 'function' ? undefined : (tags ?? []);
  const base = checked(() => createPolicy(place, { ttl, tags: staticTags ?? [] }));
  return {
    ttlMs: base.ttlMs,
    staticTags,
    policyOf: (parent, args) =>
      typeof tags === 'function' ? createPolicy(place, { ttl, tags: tags(parent, args) }) : base,
    parentIdOf(parent) {
      const id: unknown = parentId(parent);
      if (typeof id === 'string' || Number.isFinite(id) || typeof id === 'bigint') return id as ParentId;
      const got = id === null || typeof id === 'number' ? String(id) : typeof id;
      throw new CacheError('INVALID_KEY', `${place}: the parent needs an id (text, number or bigint), got ${got}`);
    },
  };
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
