/**
 * From the source into the store: decide who loads, load, store.
 *
 * The tokens are captured before the load begins. The other order would let a request
 *   1. load the old row,  2. (the tag is invalidated),  3. capture the new token and store the old row under it.
 */
import type { Clock } from './base/clock.ts';
import { CacheError } from './base/errors.ts';
import { inTime } from './base/in-time.ts';
import { runIn, type Bulkhead, type Slot } from './bulkhead.ts';
import type { CachedEntry, Dependency } from './entry/entry.ts';
import type { Key } from './entry/key.ts';
import { whyNotStored } from './events/refusals.ts';
import type { InFlightLoad, InFlightLoads } from './in-flight.ts';
import type { LeaseDecision, Leases } from './lease.ts';
import type { LoadFailures } from './load-failures.ts';
import type { Miss } from './lookup.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import { storedStaleMs, type Policy } from './policy.ts';
import { cancellationOf, type Cancellation, type IsAborted } from './scope/cancellation.ts';
import type { RunningLoads } from './scope/load-cycle.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { FetchStore } from './store/fetch-store.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { encodeForStore, refuse, releaseLease, storeEntry, type StoreParts } from './store-entry.ts';
import type { LoadResult } from './outcome.ts';
import type { FetchTags } from './tags/tags.ts';
import type { TouchedTags } from './tags/touched-tags.ts';
import { about, traced } from './tracing.ts';
import { loadUnleased } from './unleased.ts';
import { valueTtlMs, type TtlRefusal } from './value-ttl.ts';

/** `beganAt` of a value that another process loaded: every request arrived after it. */
const notLoadedHere = -1;
const noLease = { stamps: undefined, lease: undefined, changeId: undefined };
/** After a load that failed, or whose value can never be stored, every request loads for itself for this long. */
const openMsMin = 1_000;

export interface LoadRequest {
  readonly key: Key;
  readonly policy: Policy;
  readonly tags: FetchTags;
  readonly load: () => unknown;
  readonly dependsOn: Dependency | undefined;
  /** Called after the load has failed; undefined if nothing is known about the request. */
  readonly isAborted: IsAborted | undefined;
  readonly store: FetchStore;
}

/** Why a request loads: a miss, so that one process loads for all; a refresh; or without the store. */
type LoadReason = Miss | 'refresh' | 'no-store';

export interface LoadParts extends StoreParts {
  readonly leases: Leases;
  readonly loads: Pick<InFlightLoads<LoadResult>, 'sequence'>;
  readonly clock: Clock;
  readonly running: RunningLoads;
  readonly touched: TouchedTags;
  readonly memory: Pick<MemoryTier, 'drop'> | undefined;
  readonly failures: LoadFailures;
  readonly guarded: Pick<GuardedStore, 'forFetch' | 'remove'>;
  /** Undefined if any number of loads may run at once. */
  readonly bulkhead: Bulkhead | undefined;
  /** Returns 0…1. */
  readonly random: () => number;
}

/**
 * Returns the value that another process stored meanwhile, or runs the load and stores its value.
 *
 * @param inFlight What the load reports to requests that may have joined it.
 * @throws What `load` rejects with.
 */
export async function loadAndStore(
  parts: LoadParts,
  request: LoadRequest,
  { reason, inFlight, slot }: { reason: LoadReason; inFlight?: InFlightLoad; slot: Slot | undefined },
): Promise<LoadResult> {
  const decision = await decide(parts, request, reason);
  const result =
    decision.action === 'use-stored'
      ? storedResult(decision)
      : await runLoad(parts, request, { decision, reason, inFlight, slot });
  parts.memory?.drop(request.key.text); // at most it has a value from before this load
  return result;
}

/** Runs the load as `decision` says, and stores its value unless that is `load-only`. */
export async function runLoad(
  parts: LoadParts,
  request: LoadRequest,
  {
    decision,
    reason,
    inFlight,
    slot,
    isReplacing = false,
  }: {
    readonly decision: Exclude<LeaseDecision, { action: 'use-stored' }>;
    readonly reason?: LoadReason;
    readonly inFlight?: InFlightLoad | undefined;
    readonly slot: Slot | undefined;
    /** See `LeasedWrite`. */
    readonly isReplacing?: boolean;
  },
): Promise<LoadResult> {
  const { key, policy, tags, load, store, dependsOn, isAborted } = request;
  const withoutStore = decision.action === 'load-only' ? whyLoadOnly(store, reason) : '';
  const { stamps, lease, changeId } = decision.action === 'load-only' ? noLease : decision;
  const name = { cache: parts.running, key: key.text };
  const scope = new LoadScope(name, { key, tags, captured: stamps, isAborted });
  try {
    if (dependsOn !== undefined) scope.dependOn(dependsOn);
    // The load begins now, so its value is valid for every request that has arrived, whatever happens to the tokens.
    const beganAt = parts.loads.sequence;
    const { value, loadMs } = await timed(parts, { key, isReplacing }, () => {
      const work = runIn(slot, () => scope.run(load));
      return inTimeOf(policy, { parts, key, work });
    });
    parts.touched.saw(key.field, scope.touched);
    const unstored = {
      value,
      stamps: undefined,
      ttlMs: policy.ttlMs,
      ageMs: 0,
      isShared: false,
      beganAt,
      validUpTo: beganAt,
    };
    const storable = scope.storable(parts.clock.nowMs());
    if (stamps === undefined) return { ...unstored, notStored: whyUnstored(storable, withoutStore) };
    const staleMs = storedStaleMs(policy);
    const ownTtlMs = (): number | TtlRefusal => valueTtlMs(policy, { key, value }, parts);
    const isByProperty = policy.isByProperty === true && store.keepsProperties;
    const { codecs } = parts;
    const encoded = encodeForStore(key, { value, loadMs, staleMs, ownTtlMs, storable, isByProperty, codecs });
    if (staleMs > 0) parts.failures.succeeded(key.text);
    const write = { key, store, lease, changeId, isReplacing, unstored };
    if (!('refusal' in encoded)) return await storeEntry(parts, { ...write, ...encoded });
    refuse(parts, key, encoded);
    // The value from before the load is older: no request may receive it any more.
    const end = encoded.isTemporary ? { openMs: 0 } : { openMs: openMsMin, isRemoving: staleMs > 0 };
    releaseLease(parts, lease, end);
    if (reason === 'refresh' && !encoded.isTemporary) parts.background.run(parts.guarded.remove([key.text]));
    return { ...unstored, notStored: whyNotStored(encoded.refusal, encoded.what) };
  } catch (error) {
    // Outside of the enclosing loads: checking the request is not something that they do.
    const cancellation = LoadScope.outside(() => cancellationOf(error, isAborted));
    if (inFlight !== undefined) inFlight.cancellation = cancellation;
    releaseLease(parts, lease, { openMs: openMsAfter(parts, request, { cancellation, lease }) });
    throw error;
  } finally {
    if (inFlight !== undefined) inFlight.isPersonal = scope.isPersonal();
  }
}

/**
 * After a failure, every request loads for itself for a moment: for longer each time, if requests receive a value that has expired
 * meanwhile. After a cancellation, one of them loads for the others.
 */
function openMsAfter(
  { failures }: LoadParts,
  { key, policy }: LoadRequest,
  { cancellation, lease }: { cancellation: Cancellation | undefined; lease: unknown },
): number {
  const keepsExpired = storedStaleMs(policy) > 0;
  // A resolver that aborts its own call fails each time.
  if (cancellation === 'certain' || (cancellation === 'claimed' && !keepsExpired)) return 0;
  return keepsExpired && lease !== undefined ? failures.failed(key.text) : openMsMin;
}

/** What the load returns, within the time that its policy gives it. */
export function inTimeOf<T>(
  { timeoutMs }: Policy,
  { parts: { clock }, key: { field }, work }: { parts: Pick<LoadParts, 'clock'>; key: Key; work: Promise<T> },
): Promise<T> {
  if (timeoutMs === undefined) return work;
  const lateError = (): Error =>
    new CacheError('LOAD_TIMEOUT', `${field}: the load has taken longer than ${timeoutMs} ms`);
  return inTime(clock, work, { limitMs: timeoutMs, lateError });
}

async function decide(
  { leases, loads, emit }: LoadParts,
  { key, tags, store }: LoadRequest,
  reason: LoadReason,
): Promise<LeaseDecision> {
  if (reason === 'no-store') return { action: 'load-only' };
  if (reason === 'refresh') return loadUnleased({ store, emit }, key, tags.all);
  return leases.acquire({ key, tags, store, miss: reason, sequence: () => loads.sequence, canWait: true });
}

function storedResult({ entry, validUpTo }: { entry: CachedEntry; validUpTo: number }): LoadResult {
  const { value, stamps, freshMs } = entry.entry;
  const ageMs = freshMs - entry.remainingMs;
  const result = { value, stamps, ttlMs: entry.remainingMs, ageMs, isShared: true, beganAt: notLoadedHere, validUpTo };
  return entry.remainingMs > 0 ? result : { ...result, ttlMs: 0, expired: entry };
}

function whyLoadOnly(store: FetchStore, reason: LoadReason | undefined): string {
  if (store.isFull) return 'the store takes no new values';
  if (store.isBypassed) return 'the store is not available';
  if (store.hasRefused) return 'the store refused a command';
  if (reason === 'no-store') return 'loaded for this request alone';
  return 'another process is still loading it, or the store lost its tokens';
}

/** A personal value is never stored, so this reason takes precedence over the store's. */
function whyUnstored(storable: ReturnType<LoadScope['storable']>, withoutStore: string): string {
  const isPersonal =
    'refusal' in storable && (storable.refusal === 'viewer-dependent' || storable.refusal === 'reads-selection');
  return isPersonal ? whyNotStored(storable.refusal, storable.what) : withoutStore;
}

async function timed(
  { clock, emit, tracing }: Pick<LoadParts, 'clock' | 'emit' | 'tracing'>,
  { key, isReplacing }: { readonly key: Key; readonly isReplacing: boolean },
  load: () => Promise<unknown>,
): Promise<{ value: unknown; loadMs: number }> {
  const startedMs = clock.nowMs();
  const elapsedMs = (): number => Math.round((clock.nowMs() - startedMs) * 100) / 100;
  try {
    const value = await traced(tracing, { operation: { type: 'load', ...about(key) } }, load);
    const loadMs = elapsedMs();
    emit({ type: 'load', key: key.text, field: key.field, loadMs, ...(isReplacing && { isRefresh: true }) });
    return { value, loadMs };
  } catch (error) {
    emit({ type: 'load-failed', key: key.text, field: key.field, loadMs: elapsedMs(), error });
    throw error;
  }
}
