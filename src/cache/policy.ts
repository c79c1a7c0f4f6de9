import { ttlMsMax } from './store/store.ts';
import { kindOf, received } from './base/check-options.ts';
import { CacheError } from './base/errors.ts';
import type { Key } from './entry/key.ts';
import { checkTag } from './tags/tags.ts';

/** A duration with its unit: `'250ms'`, `'60s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

/** How a value is cached. Created and checked by `createPolicy`. */
export interface Policy {
  /** How long a stored value stays fresh, 1…86_400_000 ms; with `ttlOf`, the longest time that it may return. */
  readonly ttlMs: number;
  /** Decides how long one value stays fresh: a `Duration`, or null if it is not to be stored. Must not be asynchronous. */
  readonly ttlOf?: ((value: never, key: Key) => unknown) | undefined;
  /** The TTL of null and undefined, instead of `ttlMs` and `ttlOf`; null if they are not stored. Default: they are like any value. */
  readonly nullTtlMs?: number | null | undefined;
  /** The part of `ttlMs` by which the TTL of a value may be shorter, drawn when the value is stored: 0…0.5. Default: 0. */
  readonly jitter?: number;
  /**
   * For how long after its TTL it may be returned while it is loaded again in the background; with `ttlMs` at most
   * 86_400_000 ms. Default: 0.
   */
  readonly staleMs?: number;
  /**
   * For how long after its TTL it may be returned if its load fails, or takes longer than `softTimeoutMs`; with `ttlMs` at most
   * 86_400_000 ms. Default: 0.
   */
  readonly staleIfErrorMs?: number;
  /** How long a request waits for a load before it receives a value that has expired, if there is one. Default: 2,000. */
  readonly softTimeoutMs?: number;
  /** How long requests wait for a load before it counts as failed. Default: without limit. */
  readonly timeoutMs?: number | undefined;
  /** Whether it may be loaded again in the background shortly before it expires; see `early-refresh.ts`. Default: false. */
  readonly isRefreshedEarly?: boolean;
  /**
   * The share of hits that are also loaded in the background and compared, above 0 and at most 1; see `shadow-checks.ts`. Default: none.
   */
  readonly shadow?: number | undefined;
  /** What the value depends on: invalidating any of these tags invalidates it. Without `*`, which every value has. */
  readonly tags: readonly string[];
  /** Whether the value is always read from the store, never from the memory tier; see `CacheOptions.memoryBytesMax`. */
  readonly isStrict?: boolean;
  /**
   * Whether a value that was read in this process in the last minute is loaded again as soon as it is invalidated, so that the next request gets
   * a hit. See `FetchOptions.reload`.
   */
  readonly isRefilled?: boolean;
  /** Whether the properties of a value that is a plain object are stored apart; see `FetchOptions.only`. Default: false. */
  readonly isByProperty?: boolean;
}

// prettier-ignore
const optionNames = [
  'ttl', 'nullTtl', 'jitter', 'stale', 'early', 'staleIfError', 'softTimeout', 'timeout', 'shadow', 'tags', 'strict', 'refill', 'fields',
];

const jitterMax = 0.5;

const softTimeoutDefault = '2s';

const unitMs: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Decides how long a value stays fresh, after its load; null: it is not stored. Receives a copy of the value, and the key, which
 * contains the arguments. It must be synchronous. If it throws, or returns anything else, the value is returned and not stored, and a
 * warning says so.
 */
export type TtlFunction<Value = unknown> = (value: Value, key: Key) => Duration | null;

/** The options of `createPolicy`. Each means what the option of a field with the same name means; see `FieldCacheOptions`. */
export interface PolicyOptions<Value = unknown> {
  readonly ttl: Duration | TtlFunction<Value>;
  readonly nullTtl?: Duration | null | undefined;
  readonly jitter?: number | undefined;
  readonly stale?: Duration | undefined;
  readonly early?: boolean | undefined;
  readonly staleIfError?: Duration | undefined;
  readonly softTimeout?: Duration | undefined;
  readonly timeout?: Duration | undefined;
  readonly shadow?: number | undefined;
  readonly tags?: readonly string[];
  readonly strict?: boolean;
  readonly refill?: boolean;
  readonly fields?: boolean;
}

/**
 * Checks the options of a policy and returns it.
 *
 * @param place What the policy belongs to, for the error message: `'Query.topProducts'`.
 * @throws {CacheError} `INVALID_POLICY` or `INVALID_TAG`, with the place, the rule and the value.
 */
export function createPolicy<Value = unknown>(place: string, options: PolicyOptions<Value>): Policy {
  checkNames(place, options);
  const { ttl, nullTtl, jitter = 0, shadow = 0, stale, early = stale !== undefined, tags = [] } = options;
  const { strict = false, refill = false, fields = false } = options;
  checkFlags(place, { early, strict, refill, fields });
  checkShare(place, { name: 'jitter', share: jitter, max: jitterMax });
  checkShare(place, { name: 'shadow', share: shadow, max: 1 });
  const { staleIfError, softTimeout = softTimeoutDefault, timeout } = options;
  // The shortest time that a function can return: its results are checked when it has returned them.
  const ttlMs = typeof ttl === 'function' ? 1 : checkedMs(place, 'ttl', ttl);
  const nullTtlMs = nullTtl === undefined || nullTtl === null ? nullTtl : checkedMs(place, 'nullTtl', nullTtl);
  const ttls = { ttl: { ms: ttlMs, text: ttl }, nullTtl: { ms: nullTtlMs ?? 1, text: nullTtl } };
  const staleMs = msAfterTtl(place, 'stale', { ttls, later: stale });
  const staleIfErrorMs = msAfterTtl(place, 'staleIfError', { ttls, later: staleIfError });
  return Object.freeze({
    ttlMs: typeof ttl === 'function' ? ttlMsMax - Math.max(staleMs, staleIfErrorMs) : ttlMs,
    ttlOf: typeof ttl === 'function' ? ttl : undefined,
    nullTtlMs,
    jitter,
    staleMs,
    staleIfErrorMs,
    softTimeoutMs: checkedMs(place, 'softTimeout', softTimeout),
    timeoutMs: timeout === undefined ? undefined : checkedMs(place, 'timeout', timeout),
    isRefreshedEarly: early,
    shadow: shadow === 0 ? undefined : shadow,
    tags: checkedTags(place, tags),
    isStrict: strict,
    isRefilled: refill,
    isByProperty: fields,
  });
}

/**
 * Returns the policy with other tags, for a fetch whose tags depend on its arguments.
 *
 * @throws {CacheError} `INVALID_TAG`, also for a promise, whose rejection is handled.
 */
export function withTags(place: string, policy: Policy, tags: readonly string[]): Policy {
  return { ...policy, tags: checkedTags(place, tags) };
}

function checkedTags(place: string, tags: readonly string[]): readonly string[] {
  if (tags instanceof Promise) tags.catch(() => {}); // nothing else awaits it
  if (!Array.isArray(tags)) throw new CacheError('INVALID_TAG', `${place}: tags must be a list, got ${kindOf(tags)}`);
  for (const tag of tags) checkTag(place, tag);
  return Object.freeze([...new Set(tags)]);
}

function checkFlags(place: string, flags: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(flags)) {
    if (typeof value === 'boolean') continue;
    throw new CacheError('INVALID_POLICY', `${place}: ${name} must be true or false, got ${typeof value}`);
  }
}

function checkShare(place: string, { name, share, max }: { name: string; share: unknown; max: number }): void {
  if (typeof share === 'number' && share >= 0 && share <= max) return;
  const message = `${place}: ${name} must be a number from 0 to ${max}, got ${received(share)}`;
  throw new CacheError('INVALID_POLICY', message);
}

function checkNames(place: string, options: unknown): void {
  const isObject = typeof options === 'object' && options !== null;
  const unknownName = isObject ? Object.keys(options).find((name) => !optionNames.includes(name)) : undefined;
  if (isObject && unknownName === undefined) return;
  const got = isObject ? `the unknown option ${JSON.stringify(unknownName)}` : typeof options;
  throw new CacheError('INVALID_POLICY', `${place}: a policy has ${optionNames.join(', ')}, got ${got}`);
}

/** Returns a `Duration` in milliseconds; NaN for any other text, and for fractions. */
export function durationMsOf(text: string): number {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(digits) * (unitMs[unit ?? ''] ?? Number.NaN);
}

/** How long a value lives after `ttl`, or `nullTtl`. */
function msAfterTtl(
  place: string,
  name: 'stale' | 'staleIfError',
  { ttls, later }: { ttls: Readonly<Record<string, { ms: number; text: unknown }>>; later: Duration | undefined },
): number {
  if (later === undefined) return 0;
  const laterMs = checkedMs(place, name, later);
  for (const [ttlName, { ms, text }] of Object.entries(ttls)) {
    if (ms + laterMs <= ttlMsMax) continue;
    const got = typeof text === 'string' ? text : kindOf(text);
    const message = `${place}: ${ttlName} and ${name} must be 1d at most together, got ${got} and ${later}`;
    throw new CacheError('INVALID_POLICY', message);
  }
  return laterMs;
}

function checkedMs(place: string, name: string, duration: Duration): number {
  const ms = durationMsOf(duration);
  if (ms >= 1 && ms <= ttlMsMax) return ms;
  throw new CacheError(
    'INVALID_POLICY',
    `${place}: ${name} must be a whole number with a unit (ms, s, m, h, d), 1ms to 1d, got ${JSON.stringify(duration)}`,
  );
}

/** For plugins: for how long after its TTL a value is stored. */
export function storedStaleMs({ staleMs = 0, staleIfErrorMs = 0 }: Policy): number {
  return Math.max(staleMs, staleIfErrorMs);
}
