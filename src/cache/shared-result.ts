/** What a request does with the result of a load that it has joined. */
import type { ClassCodecs } from './entry/class-codecs.ts';
import { copyOf } from './entry/codec.ts';
import { withSlot, type Slot } from './bulkhead.ts';
import { readShared, shareValue, type SharedValue } from './entry/shared-value.ts';
import type { Fetch, FetchParts } from './fetch.ts';
import type { Cancelled } from './in-flight.ts';
import { loadAndStore } from './load.ts';
import { foundExpired, type Answer, type LoadResult } from './outcome.ts';
import { hasRequired } from './tags/validity.ts';

/** After this many errors that claim to be cancellations, the next one counts as a failure of the load. */
const claimsMax = 3;

/** One copy per result, whatever the number of requests; undefined for a value that cannot be copied, or whose codec has failed. */
const copies = new WeakMap<LoadResult, SharedValue | undefined>();

/** Whether the result is valid for the request that arrived as number `sequence`. */
export function isFor({ tags, staleIfErrorMs }: Fetch, result: LoadResult, sequence: number): boolean {
  const { beganAt, validUpTo, stamps, expired } = result;
  if (expired !== undefined && expired.remainingMs <= -staleIfErrorMs) return false;
  if (sequence <= beganAt) return true;
  // Its tokens were checked. A request with other tags needs to know that theirs are unchanged, too.
  return sequence <= validUpTo && stamps !== undefined && hasRequired(stamps, tags.required);
}

/**
 * Answers with a copy of the result's value, frozen if other requests receive it too. An iterator or an instance of a class without a
 * codec cannot be copied, so the request loads its own.
 */
export async function share(parts: FetchParts, fetch: Fetch, result: LoadResult): Promise<Answer> {
  const copied = copyFor(result, parts.codecs);
  // Without a copy there is no stored form either, so a load of the request's own is not stored for the same reason.
  if (copied === undefined) return loadAlone(parts, fetch, result.notStored);
  const { value } = copied;
  if (result.expired !== undefined) return { ...foundExpired(parts.tier, result.expired), value };
  return { ...result, value, state: 'shared' };
}

/** A load for this request alone, which no other request joins. */
export async function loadAlone(parts: FetchParts, fetch: Fetch, notStored?: string): Promise<Answer> {
  const load = (slot: Slot | undefined): Promise<LoadResult> =>
    loadAndStore(parts, fetch, { reason: 'no-store', slot });
  const result = await withSlot(parts.bulkhead, load);
  return { ...result, state: 'miss', ...(notStored === undefined ? {} : { notStored }) };
}

/**
 * The fetch as it starts over after a joined load was cancelled.
 *
 * @throws The error of that load, if such errors have only claimed to be cancellations, and too often.
 */
export function afterCancelled(fetch: Fetch, { error, isCertain }: Cancelled): Fetch {
  if (isCertain) return fetch;
  if (fetch.claims >= claimsMax) throw error;
  return { ...fetch, claims: fetch.claims + 1 };
}

function copyFor(result: LoadResult, codecs: ClassCodecs): { readonly value: unknown } | undefined {
  try {
    if (!copies.has(result)) {
      const copied = copyOf(result.value, codecs);
      copies.set(result, copied && shareValue(copied.copy, codecs));
    }
    const shared = copies.get(result);
    return shared && { value: readShared(shared, codecs) };
  } catch {
    copies.set(result, undefined); // a codec has failed on a value that a codec has decoded
    return undefined;
  }
}
