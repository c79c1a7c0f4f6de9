/** The way into the store: value and tokens in one round trip, and whether the entry's stamps still stand. */
import { decodeEntry, type Entry } from './entry.ts';
import type { EmitEvent } from './events.ts';
import type { Key } from './key.ts';
import type { RequestStore } from './request-store.ts';
import { stampsOf, type Stamps } from './tags.ts';

export type Lookup =
  | { readonly found: 'entry'; readonly entry: Entry; readonly remainingMs: number }
  /** `stamps` are the tokens as they are now, before any load; undefined where one is missing. */
  | { readonly found: 'nothing'; readonly stamps: Stamps | undefined }
  | { readonly found: 'no-store' };

/** What the clocks of a process and its Redis may differ in the length of an entry's life. */
const clockSlackMs = 1_000;

export async function lookup(
  { store, emit }: { store: RequestStore; emit: EmitEvent },
  key: Key,
  tags: readonly string[],
): Promise<Lookup> {
  const read = await store.read(key.text, tags);
  if (read === undefined) return { found: 'no-store' };
  const stamps = stampsOf(tags, read.tokens);
  const rejected = (reason: 'corrupt' | 'invalidated'): Lookup => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { found: 'nothing', stamps };
  };

  if (read.text === undefined) return { found: 'nothing', stamps };
  const entry = decodeEntry(key, read.text);
  // Longer than it was given: somebody has changed its expiry, or put the server's clock back.
  if (entry === undefined || read.remainingMs > entry.freshMs + clockSlackMs) return rejected('corrupt');
  const isValid = stamps !== undefined && (await stand(store, entry.stamps, stamps));
  if (isValid === undefined) return { found: 'no-store' };
  if (!isValid) return rejected('invalidated');
  return { found: 'entry', entry, remainingMs: read.remainingMs };
}

/** Whether each token that an entry was stamped with is still that of its tag; undefined where the store failed. */
async function stand(store: RequestStore, stamped: Stamps, current: Stamps): Promise<boolean | undefined> {
  if (Object.keys(current).some((tag) => stamped[tag] !== current[tag])) return false;
  // Tags of values that were fetched inside the load: only the entry knows them, which costs a second round trip.
  const innerTags = Object.keys(stamped).filter((tag) => !Object.hasOwn(current, tag));
  if (innerTags.length === 0) return true;
  const tokens = await store.tokens(innerTags);
  return tokens && innerTags.every((tag, index) => tokens[index] === stamped[tag]);
}
