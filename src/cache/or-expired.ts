/**
 * Answers with a value that has expired if its load fails or takes long, where the policy allows that (`staleIfError`). The store is
 * read again for it, so an invalidated value is never returned.
 */
import { sleep } from './base/sleep.ts';
import type { Fetch, FetchParts } from './fetch.ts';
import { lookUp } from './lookup.ts';
import { foundExpired, type Answer } from './outcome.ts';

const softTimeoutMsDefault = 2_000;

/** @param answer What the fetch receives otherwise. */
export async function orExpired(parts: FetchParts, fetch: Fetch, answer: Promise<Answer>): Promise<Answer> {
  const { clock, emit } = parts;
  const { key, policy } = fetch;
  const { promise: isSlow, cancel } = sleep(clock, policy.softTimeoutMs ?? softTimeoutMsDefault);
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
