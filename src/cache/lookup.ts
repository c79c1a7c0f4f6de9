/** The way into the store: value and tokens in one round trip, and whether the entry's stamps still stand. */
import { decodeEntry, headOf } from './entry.ts';
import type { EmitEvent } from './events.ts';
import { heldOf } from './held.ts';
import type { Key } from './key.ts';
import type { Seen } from './lease.ts';
import type { Found } from './outcome.ts';
import type { RequestStore } from './request-store.ts';
import { stampsOf, type FetchTags, type Stamps } from './tags.ts';

export type Lookup =
  | ({ readonly found: 'entry' } & Found)
  /** Nothing, or nothing that may be given: what is known then, before any load. */
  | { readonly found: 'nothing'; readonly seen: Seen }
  | { readonly found: 'no-store' };

interface LookupParts {
  readonly store: RequestStore;
  readonly emit: EmitEvent;
}

export async function lookup(parts: LookupParts, key: Key, tags: FetchTags): Promise<Lookup> {
  const read = await parts.store.read(key.text, tags.all);
  if (read === undefined) return { found: 'no-store' };
  const stamps = stampsOf(tags.all, read.tokens);
  const { text, remainingMs, tokens } = read;
  if (text === undefined) return { found: 'nothing', seen: { stamps, head: undefined } };
  const judged = await judge(parts, key, { tags, tokens, text, remainingMs });
  if (judged === undefined) return { found: 'no-store' };
  return 'entry' in judged ? { found: 'entry', ...judged } : { found: 'nothing', seen: { stamps, head: judged.head } };
}

/** Whether what is at a key may be given; else the head by which it is known from now on; undefined where the store fails. */
export async function judge(
  { store, emit }: LookupParts,
  key: Key,
  {
    tags,
    tokens,
    text,
    remainingMs,
  }: { tags: FetchTags; tokens: readonly (string | undefined)[]; text: string; remainingMs: number },
): Promise<Found | { readonly head: string } | undefined> {
  const rejected = (reason: 'corrupt' | 'invalidated'): { readonly head: string } => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { head: headOf(text) };
  };
  const entry = decodeEntry(key, { text, remainingMs });
  if (entry === undefined) return rejected('corrupt');
  const isValid = await entryStands(store, entry.stamps, { tags, tokens });
  if (isValid === undefined) return undefined;
  return isValid ? { entry, remainingMs, held: heldOf(key, entry, text) } : rejected('invalidated');
}

/** Whether each token that an entry was stamped with is still that of its tag; undefined where the store failed. */
async function entryStands(
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
