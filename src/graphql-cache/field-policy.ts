/** Checks the options of a field, and turns them into what each request of the field needs. */
import {
  CacheError,
  createPolicy,
  storedStaleMs,
  withTags,
  type ParentId,
  type Policy,
  type PolicyOptions,
} from '../cache/index.ts';
import type { FieldOptions } from './effective-options.ts';
import type { Variation } from './field-cache-options.ts';
import { httpPolicyOf, noHttp, type HttpPolicy } from './http-policy.ts';
import { unawaited } from './unawaited.ts';

/** What each request of a field needs. */
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
  /** The longest time for which a value stays fresh; with the following properties, for the schema digest. */
  readonly ttlMs: number;
  /** Whether a function decides how long each value stays fresh. */
  readonly hasTtlFunction: boolean;
  readonly nullTtlMs: number | null | undefined;
  /** For how long a value is stored after it has stopped being fresh. */
  readonly staleMs: number;
  readonly staticTags: readonly string[] | undefined;
  readonly isStrict: boolean;
  /** Whether the key contains the selection below the field. */
  readonly hasSelection: boolean;
  readonly http: HttpPolicy;
}

/** The position of a field in the schema. */
export interface FieldPlace {
  /** Such as `Query.topProducts`. */
  readonly place: string;
  /** Whether it is a field of Query. */
  readonly isRoot: boolean;
}

/** The options of the schema that options of a field depend on; undefined, or without an engine, if nothing is cached. */
export interface SchemaParts {
  readonly engine?: unknown;
  readonly viewer?: unknown;
  readonly refreshContext?: unknown;
}

/** What error messages call the places where options are set. */
export interface OptionPlaces {
  /** Where a required option of a field may be set, if there is more than one place. */
  readonly ofField?: string;
  /** Where those of the schema are set. */
  readonly ofSchema: string;
}

const whyRefreshContext =
  'what the context of an earlier request remembers may be older than the change; (context) => context if it remembers nothing';

/** The TTL of a field without `ttl` while nothing is cached: the shortest, so that it fits every other option. */
const ttlWhenOff = '1ms';

/**
 * Checks the options of a field and returns its policy.
 *
 * @param given Its options, which may come from its type and from the schema, too.
 * @throws {CacheError} `INVALID_OPTIONS`, `INVALID_POLICY` or `INVALID_TAG`: the field's place, then the rule and the value.
 */
export function createFieldPolicy(
  field: FieldPlace,
  given: FieldOptions,
  { schema, places }: { schema: SchemaParts | undefined; places: OptionPlaces },
): FieldPolicy {
  const { place, isRoot } = field;
  const { options } = given;
  const isOff = schema?.engine === undefined;
  checkScope(place, options, { schema, places });
  const { scope, tags, strict = false, refill = false, parentId, selection = false, vary } = options;
  if (vary !== undefined && typeof vary !== 'function') {
    throw wrong(place, `vary must be a function of the context, got ${typeof vary}`);
  }
  if (parentId === undefined ? !isRoot : typeof parentId !== 'function') throw wrongParentId(place, parentId);
  if (typeof selection !== 'boolean') {
    throw wrong(place, `selection must be true or false, got ${typeof selection}`);
  }
  const ttl = options.ttl ?? (isOff ? ttlWhenOff : undefined);
  if (ttl === undefined) throw wrong(place, `ttl must be set${orNothing(places.ofField)}`);

  const staticTags = typeof tags === 'function' ? undefined : (tags ?? []);
  const { nullTtl, jitter, shadow, stale, early = stale !== undefined, staleIfError, softTimeout, timeout } = options;
  const ofValue: PolicyOptions['ttl'] = typeof ttl === 'function' ? (value, { args }) => ttl({ ...args }, value) : ttl;
  const durations = { ttl: ofValue, nullTtl, stale, staleIfError, softTimeout, timeout };
  const flags = { early, strict, refill, fields: options.fields ?? false };
  const base = createPolicy(place, { ...durations, ...flags, jitter, shadow, tags: staticTags ?? [] });
  if (refill && !isOff && schema.refreshContext === undefined) {
    throw wrong(place, `refill needs refreshContext, an option of ${places.ofSchema}: ${whyRefreshContext}`);
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
    // What is missing may come from defaults that are not there while nothing is cached.
    http: isOff && (scope === undefined || options.ttl === undefined) ? noHttp : httpPolicyOf(place, given, base),
    policyOf: (parent, args) => (typeof tags === 'function' ? withTags(place, base, tags(parent, args)) : base),
    parentIdOf: (parent) =>
      parentId === undefined ? requireRoot(place, parent) : checkedId(place, unawaited(parentId(parent))),
  };
}

/** The scope may be given by defaults that are not there while nothing is cached. */
function checkScope(
  place: string,
  { scope }: FieldOptions['options'],
  { schema, places }: { schema: SchemaParts | undefined; places: OptionPlaces },
): void {
  const isOff = schema?.engine === undefined;
  if (scope === undefined && isOff) return;
  if (scope !== 'public' && scope !== 'private') {
    const where = scope === undefined ? orNothing(places.ofField) : '';
    const got = JSON.stringify(scope);
    throw wrong(place, `scope is required and must be 'public' or 'private', got ${got}${where}`);
  }
  if (scope === 'private' && !isOff && schema.viewer === undefined) {
    throw wrong(place, `scope 'private' needs viewer, an option of ${places.ofSchema}`);
  }
}

function wrongParentId(place: string, got: unknown): CacheError {
  return wrong(
    place,
    'parentId must be a function such as ({ id }) => id on a field of an object. It promises that the value follows' +
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
    `${place}: it is given a parent (or rootValue) that its key does not contain: set parentId`,
  );
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Reflect.ownKeys(value).length > 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function orNothing(where: string | undefined): string {
  return where === undefined ? '' : `: ${where}`;
}

function wrong(place: string, rule: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `${place}: ${rule}`);
}
