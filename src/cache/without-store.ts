import { withPlace, type Place } from './bulkhead.ts';
import type { Fetch, FetchParts } from './fetch.ts';
import { Cancelled } from './in-flight.ts';
import { inTimeOf, loadAndStore } from './load.ts';
import type { Answer } from './outcome.ts';
import { afterCancelled, loadAlone, share } from './shared-result.ts';

/** Answers a fetch while the store is bypassed or full: with the next load of its key, which requests share. */
export async function loadWithoutStore(parts: FetchParts, fetch: Fetch): Promise<Answer> {
  let place: Place | undefined;
  const next = parts.loads.startNext(
    fetch.key.text,
    (inFlight) => loadAndStore(parts, fetch, { reason: 'no-store', inFlight, place }),
    async () => (place = await parts.bulkhead?.enter()),
  );
  const { isShared, result } = await next.finally(() => place?.leave());
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
  const run = async (): Promise<unknown> => await load();
  const value = await withPlace(parts.bulkhead, (place) =>
    inTimeOf(policy, { parts, key, work: place?.run(run) ?? run() }),
  );
  return { state: 'bypass', value, stamps: undefined, ttlMs: policy.ttlMs, ageMs: 0 };
}
