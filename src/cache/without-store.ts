import type { Fetch, FetchParts } from './fetch.ts';
import { Cancelled } from './in-flight.ts';
import { inBulkhead, loadAndStore } from './load.ts';
import type { Answer } from './outcome.ts';
import { afterCancelled, loadAlone, share } from './shared-result.ts';

/** Answers a fetch while the store is bypassed or full: with the next load of its key, which requests share. */
export async function loadWithoutStore(parts: FetchParts, fetch: Fetch): Promise<Answer> {
  const { isShared, result } = await parts.loads.startNext(fetch.key.text, (inFlight) =>
    loadAndStore(parts, fetch, { reason: 'no-store', inFlight }),
  );
  if (!isShared) return { ...result, state: 'miss' };
  if (result instanceof Cancelled) return loadWithoutStore(parts, afterCancelled(fetch, result));
  if (result !== undefined) return share(parts, fetch, result);
  return fetch.isRetry ? loadAlone(parts, fetch) : loadWithoutStore(parts, { ...fetch, isRetry: true });
}

/** Answers a fetch that neither reads nor stores. */
export async function bypass(
  parts: FetchParts,
  { load, policy: { ttlMs } }: Pick<Fetch, 'load' | 'policy'>,
): Promise<Answer> {
  return { state: 'bypass', value: await inBulkhead(parts, load), stamps: undefined, ttlMs, ageMs: 0 };
}
