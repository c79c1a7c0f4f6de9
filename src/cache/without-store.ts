import { runIn, withSlot, type Slot } from './bulkhead.ts';
import type { Fetch, FetchParts } from './fetch.ts';
import { Cancelled } from './in-flight.ts';
import { inTimeOf, loadAndStore } from './load.ts';
import type { Answer } from './outcome.ts';
import { afterCancelled, loadAlone, share } from './shared-result.ts';
import { about, traced } from './tracing.ts';

/** Answers a fetch while the store is bypassed or full: with the next load of its key, which requests share. */
export async function loadWithoutStore(parts: FetchParts, fetch: Fetch): Promise<Answer> {
  // Only the request that begins the next load takes a slot, not those that share it.
  let slot: Slot | undefined;
  const next = parts.loads.startNext(
    fetch.key.text,
    (inFlight) => loadAndStore(parts, fetch, { reason: 'no-store', inFlight, slot }),
    async (load) => (slot = await parts.bulkhead?.acquire({ load })),
  );
  if (parts.bulkhead?.isInLoad === true) parts.loads.beginNow(fetch.key.text);
  const { isShared, result } = await next.finally(() => slot?.release());
  if (!isShared) return { ...result, state: 'miss' };
  if (result instanceof Cancelled) return loadWithoutStore(parts, afterCancelled(fetch, result));
  if (result !== undefined) return share(parts, fetch, result);
  return fetch.isRetry ? loadAlone(parts, fetch) : loadWithoutStore(parts, { ...fetch, isRetry: true });
}

/** Answers a fetch that neither reads nor stores. */
export async function bypass(
  parts: FetchParts,
  { key, policy, load }: Pick<Fetch, 'key' | 'policy' | 'load'>,
): Promise<Answer> {
  const operation = { type: 'load', ...about(key) } as const;
  const value = await withSlot(parts.bulkhead, (slot) =>
    traced(parts.tracing, { operation }, () => inTimeOf(policy, { parts, key, work: runIn(slot, load) })),
  );
  return { state: 'bypass', value, stamps: undefined, ttlMs: policy.ttlMs, ageMs: 0 };
}
