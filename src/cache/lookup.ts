/** The way into the store: value and tokens in one round trip, and whether the entry's stamps still stand. */
import { decodeEntry, headOf, type Entry } from './entry.ts';
import type { EmitEvent } from './events.ts';
import type { Key } from './key.ts';
import type { Seen } from './lease.ts';
import type { RequestStore } from './request-store.ts';
import { stampsOf, type Stamps } from './tags.ts';

export type Lookup =
  | { readonly found: 'entry'; readonly entry: Entry; readonly remainingMs: number }
  /** Nothing, or nothing that may be given: what is known then, before any load. */
  | { readonly found: 'nothing'; readonly seen: Seen }
  | { readonly found: 'no-store' };

export async function lookup(
  { store, emit }: { store: RequestStore; emit: EmitEvent },
  key: Key,
  tags: readonly string[],
): Promise<Lookup> {
  const read = await store.read(key.text, tags);
  if (read === undefined) return { found: 'no-store' };
  const stamps = stampsOf(tags, read.tokens);
  const { text, remainingMs } = read;
  if (text === undefined) return { found: 'nothing', seen: { stamps, head: undefined } };
  const rejected = (reason: 'corrupt' | 'invalidated'): Lookup => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { found: 'nothing', seen: { stamps, head: headOf(text) } };
  };

  const entry = decodeEntry(key, { text, remainingMs });
  if (entry === undefined) return rejected('corrupt');
  const isValid = stamps !== undefined && (await entryStands(store, entry.stamps, stamps));
  if (isValid === undefined) return { found: 'no-store' };
  return isValid ? { found: 'entry', entry, remainingMs } : rejected('invalidated');
}

/** Whether each token that an entry was stamped with is still that of its tag; undefined where the store failed. */
export async function entryStands(store: RequestStore, stamped: Stamps, current: Stamps): Promise<boolean | undefined> {
  if (Object.keys(current).some((tag) => stamped[tag] !== current[tag])) return false;
  // Tags of values that were fetched inside the load: only the entry knows them, which costs a second round trip.
  const innerTags = Object.keys(stamped).filter((tag) => !Object.hasOwn(current, tag));
  if (innerTags.length === 0) return true;
  const tokens = await store.tokens(innerTags);
  return tokens && innerTags.every((tag, index) => tokens[index] === stamped[tag]);
}
