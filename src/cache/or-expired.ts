/**
 * Answers with a value that has expired if its load fails or takes long, where the policy allows that (`staleIfError`). The store is
 * read again for it, so an invalidated value is never returned.
 */
import { sleep } from './base/sleep.ts';
import type { Fetch, FetchParts } from './fetch.ts';
import { lookUp } from './lookup.ts';
import { cancellationOf } from './scope/cancellation.ts';
import { found, foundExpired, type Answer } from './outcome.ts';

const softTimeoutMsDefault = 2_000;

/** @param answer What the fetch receives otherwise. */
export async function orExpired(parts: FetchParts, fetch: Fetch, answer: Promise<Answer>): Promise<Answer> {
  const { clock, emit } = parts;
  const { key, policy, isAborted } = fetch;
  const { promise: isSlow, cancel } = sleep(clock, policy.softTimeoutMs ?? softTimeoutMsDefault);
  try {
    const first = await Promise.race([answer, isSlow]);
    if (first !== undefined) return first;
    const expired = await expiredFor(parts, fetch);
    fetch.fallback.isReturned = expired !== undefined;
    return expired ?? (await answer);
  } catch (error) {
    if (cancellationOf(error, isAborted) === 'certain') throw error;
    const expired = await expiredFor(parts, fetch);
    if (expired === undefined) throw error;
    if ('isFallback' in expired) emit({ type: 'failure-hidden', key: key.text, field: key.field, error });
    return expired;
  } finally {
    cancel();
    answer.catch(() => {}); // it goes on if it was slow
  }
}

/** The value at the key, if it is valid now; it is fresh if another process has loaded it meanwhile. */
async function expiredFor({ tier, guarded, emit, codecs }: FetchParts, fetch: Fetch): Promise<Answer | undefined> {
  const { key, names, tags, staleIfErrorMs } = fetch;
  const store = guarded.forFetch();
  const lookup = await lookUp({ store, emit, codecs }, key, { tags, staleMs: staleIfErrorMs, names });
  if (lookup.state !== 'hit') return undefined;
  return lookup.entry.remainingMs > 0 ? found(tier, lookup.entry) : foundExpired(tier, lookup.entry);
}
