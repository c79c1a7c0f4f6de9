/** The way into the store: value and tokens in one round trip, and whether the entry's stamps still stand. */
import { decodeEntry, headOf } from './entry.ts';
import type { EmitEvent } from './events.ts';
import { heldOf } from './held.ts';
import type { Key } from './key.ts';
import type { Seen } from './lease.ts';
import type { Found } from './outcome.ts';
import type { RequestStore } from './request-store.ts';
import { stampsOf, type FetchTags, type Stamps } from './tags.ts';
import type { TouchedTags } from './touched-tags.ts';

export type Lookup =
  | ({ readonly found: 'entry' } & Found)
  /** Nothing, or nothing that may be given: what is known then, before any load. */
  | { readonly found: 'nothing'; readonly seen: Seen }
  | { readonly found: 'no-store' };

export async function lookup(
  { store, emit, touched }: { store: RequestStore; emit: EmitEvent; touched: TouchedTags },
  key: Key,
  tags: FetchTags,
): Promise<Lookup> {
  const read = await store.read(key.text, tags.all);
  if (read === undefined) return { found: 'no-store' };
  const stamps = stampsOf(tags.all, read.tokens);
  const { text, remainingMs } = read;
  if (text === undefined) return { found: 'nothing', seen: { stamps, head: undefined } };
  const rejected = (reason: 'corrupt' | 'invalidated'): Lookup => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { found: 'nothing', seen: { stamps, head: headOf(text) } };
  };

  const entry = decodeEntry(key, { text, remainingMs });
  if (entry === undefined) return rejected('corrupt');
  const isValid = await entryStands(store, entry.stamps, { tags, tokens: read.tokens });
  if (isValid === undefined) return { found: 'no-store' };
  if (!isValid) return rejected('invalidated');
  touched.saw(key.field, Object.keys(entry.stamps));
  return { found: 'entry', entry, remainingMs, held: heldOf(key, entry, text) };
}

/** Whether each token that an entry was stamped with is still that of its tag; undefined where the store failed. */
export async function entryStands(
  store: RequestStore,
  stamped: Stamps,
  { tags, tokens }: { tags: FetchTags; tokens: readonly (string | undefined)[] },
): Promise<boolean | undefined> {
  if (tags.required.some((tag) => !Object.hasOwn(stamped, tag))) return false;
  const standing = new Map(tags.all.map((tag, index) => [tag, tokens[index]]));
  const stamps = Object.entries(stamped);
  if (stamps.some(([tag, token]) => standing.has(tag) && standing.get(tag) !== token)) return false;
  // Only the entry knows these, such as the rows of values that were fetched inside the load: a second round trip.
  const others = stamps.filter(([tag]) => !standing.has(tag));
  if (others.length === 0) return true;
  const othersTokens = await store.tokens(others.map(([tag]) => tag));
  return othersTokens && others.every(([, token], index) => othersTokens[index] === token);
}
