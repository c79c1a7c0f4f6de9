/**
 * Answers with a value that has expired if its load fails or takes long, where the policy allows that (`staleIfError`). The store is
 * read again for it, so an invalidated value is never returned.
 */
import type { Fetch, FetchParts } from './fetch.ts';
import { lookUp } from './lookup.ts';
import { found, type Answer, type LoadResult } from './outcome.ts';
import type { CachedEntry } from './entry/entry.ts';
import type { Tier } from './events/events.ts';

const softTimeoutMsDefault = 2_000;

/**
 * The answer of the request that began a load.
 *
 * @param expired What `Leases.acquire` returns instead of a lease, if a load has failed a moment ago.
 */
export function loadedAnswer(
  { isShared, ...result }: LoadResult,
  tier: Tier,
  expired: CachedEntry | undefined,
): Answer {
  if (result.ttlMs <= 0 && expired !== undefined) return foundExpired(tier, expired);
  return { ...result, state: isShared ? 'shared' : 'miss' };
}

/** A value that has expired, in place of one whose load has failed or takes long. */
function foundExpired(tier: Tier, entry: CachedEntry): Answer {
  return { ...found(tier, entry), isFallback: true };
}

/** @param answer What the fetch receives otherwise. */
export async function orExpired(parts: FetchParts, fetch: Fetch, answer: Promise<Answer>): Promise<Answer> {
  const { clock, emit } = parts;
  const { key, policy } = fetch;
  const { promise: isSlow, cancel } = after(clock, policy.softTimeoutMs ?? softTimeoutMsDefault);
  try {
    const first = await Promise.race([answer, isSlow]);
    return first ?? (await expiredFor(parts, fetch)) ?? (await answer);
  } catch (error) {
    const expired = await expiredFor(parts, fetch);
    if (expired === undefined) throw error;
    emit({ type: 'failure-hidden', key: key.text, field: key.field, error });
    return expired;
  } finally {
    cancel();
    answer.catch(() => {}); // it goes on if it was slow
  }
}

/** The value at the key, if it is valid now. */
async function expiredFor({ tier, guarded, emit }: FetchParts, fetch: Fetch): Promise<Answer | undefined> {
  const { key, tags, staleIfErrorMs } = fetch;
  const store = guarded.forFetch();
  const lookup = await lookUp({ store, emit }, key, { tags, staleMs: staleIfErrorMs });
  return lookup.state === 'hit' ? foundExpired(tier, lookup.entry) : undefined;
}

function after(clock: FetchParts['clock'], delayMs: number): { promise: Promise<undefined>; cancel: () => void } {
  let cancel = (): void => {};
  const promise = new Promise<undefined>((resolve) => {
    cancel = clock.after(delayMs, () => resolve(undefined));
  });
  return { promise, cancel };
}
