import type { CachedEntry, Dependency, EntryRef } from './entry/entry.ts';
import type { Key } from './entry/key.ts';
import type { CacheEvent, Tier } from './events/events.ts';
import type { Stamps } from './tags/tags.ts';

/** How a value was obtained. */
export interface Outcome {
  /**
   * `stale`: found after it had expired; a refresh begins, unless one runs or has just failed. `shared`: another request loaded it, in this process
   * or another one, while this request waited.
   */
  readonly state: 'hit' | 'stale' | 'miss' | 'bypass' | 'refresh' | 'shared';
  /** Where the value was found; null if it was loaded. */
  readonly tier: Tier | null;
  /** When the fetch began, in milliseconds on the cache's clock: only differences are meaningful. */
  readonly startedMs: number;
  readonly durationMs: number;
  /** How long the value has been stored; null if it is not stored. */
  readonly ageMs: number | null;
  /** How long it stays fresh, 0 if it is stale; null if it is not stored. */
  readonly ttlMs: number | null;
  /** Whether an expired value is returned because its load has failed a moment ago, or takes long. */
  readonly isFallback?: boolean;
  /** Why the value was not stored, such as `instance of Decimal at 0.price`; undefined if it was, or was not meant to be. */
  readonly notStored?: string;
  /** The `FetchOptions.dependsOn` of values that are derived from this one. */
  readonly dependency: Dependency;
  /** For `Cache.revalidate`; undefined unless the value is a hit. */
  readonly entryRef: EntryRef | undefined;
}

/** What a fetch returns, before its duration is known. */
export type Answer = AnswerValue & (HitSource | { readonly state: Exclude<Outcome['state'], HitSource['state']> });

interface AnswerValue {
  readonly value: unknown;
  /** Undefined if the value is not stored. */
  readonly stamps: Stamps | undefined;
  readonly ttlMs: number;
  readonly ageMs: number;
  readonly notStored?: string;
}

interface HitSource {
  readonly state: 'hit' | 'stale';
  readonly tier: Tier;
  /** How long the load took that it saves. */
  readonly loadMs: number;
  /** Whether it is returned because its load has failed, or takes long. */
  readonly isFallback?: boolean;
  readonly entryRef: EntryRef;
}

/** A value that was found, fresh or stale. */
export function found(tier: Tier, { entry, remainingMs, entryRef }: CachedEntry): AnswerValue & HitSource {
  const { value, stamps, freshMs, loadMs } = entry;
  const state = remainingMs > 0 ? 'hit' : 'stale';
  const [ttlMs, ageMs] = [Math.max(0, remainingMs), freshMs - remainingMs];
  return { state, tier, value, stamps, ttlMs, ageMs, loadMs, entryRef };
}

/** The answer of the request that began a load. */
export function loadedAnswer({ isShared, expired, ...result }: LoadResult, tier: Tier): Answer {
  if (expired !== undefined) return foundExpired(tier, expired);
  return { ...result, state: isShared ? 'shared' : 'miss' };
}

/** A value that has expired, in place of one whose load has failed or takes long. */
export function foundExpired(tier: Tier, entry: CachedEntry): Answer {
  return { ...found(tier, entry), isFallback: true };
}

export function eventOf({ text: key, field }: Key, answer: Answer, durationMs: number): CacheEvent {
  if (answer.state !== 'hit' && answer.state !== 'stale') return { type: answer.state, key, field, durationMs };
  const { state: type, tier, ageMs, loadMs } = answer;
  return { type, key, field, tier, durationMs, ageMs, loadMs };
}

export function outcomeOf(
  key: Key,
  answer: Answer,
  { startedMs, durationMs }: Pick<Outcome, 'startedMs' | 'durationMs'>,
): Outcome {
  const { state, stamps, ageMs, ttlMs } = answer;
  const isStored = stamps !== undefined && answer.notStored === undefined;
  const outcome: Outcome = {
    state,
    tier: 'tier' in answer ? answer.tier : null,
    startedMs,
    durationMs,
    ageMs: isStored ? Math.max(0, ageMs) : null,
    ttlMs: isStored ? ttlMs : null,
    dependency: { key, stamps },
    entryRef: answer.state === 'hit' ? answer.entryRef : undefined,
  };
  if ('isFallback' in answer) return { ...outcome, isFallback: true };
  return isStored || answer.notStored === undefined ? outcome : { ...outcome, notStored: answer.notStored };
}

/** What a load returns to the requests that share it. */
export interface LoadResult {
  readonly value: unknown;
  /** Undefined if the value is not stored. */
  readonly stamps: Stamps | undefined;
  readonly ttlMs: number;
  readonly ageMs: number;
  /** Whether another process loaded it. */
  readonly isShared: boolean;
  /** The entry, if it has expired: a load has failed a moment ago. */
  readonly expired?: CachedEntry;
  /** Why no later request can use the stored value, for the report; undefined if one can, or will be able to. */
  readonly notStored?: string;
  /** The number of the last request that had arrived when the load began; below 0 if the value was loaded elsewhere. */
  readonly beganAt: number;
  /**
   * The number of the last request that may receive this result: it had arrived when the load began, or when all tokens
   * were found to be unchanged. In the second case, the stamps must also have the tags that the request requires.
   */
  readonly validUpTo: number;
}
