/** The way into the store: value and tokens in one round trip, and whether the entry's stamps still stand. */
import { decodeEntry, entryIdOf } from './entry/entry.ts';
import type { EmitEvent } from './events/events.ts';
import { entryRefOf } from './entry/entry-ref.ts';
import type { Key } from './entry/key.ts';
import type { CachedEntry } from './entry/entry-ref.ts';
import type { RequestStore } from './store/request-store.ts';
import type { StoreRead } from './store/store.ts';
import { stampsOf, type FetchTags, type Stamps } from './tags/tags.ts';

/** What a request knows before it asks for the lease. */
export interface Seen {
  /** The tokens of its tags, or what they probably are; undefined where one is missing. */
  readonly stamps: Stamps | undefined;
  /** The head of the value that it has rejected; undefined where it has seen none. */
  readonly head: string | undefined;
  /** Whether it has not looked at all. */
  readonly isPrediction: boolean;
}

/** The store failed. */
type NoStore = { readonly found: 'no-store' };
type FoundEntry = { readonly found: 'entry' } & CachedEntry;

export type Lookup =
  | FoundEntry
  /** Nothing, or nothing that may be given: what is known then, before any load. */
  | { readonly found: 'nothing'; readonly seen: Seen }
  | NoStore;

type Judged =
  | FoundEntry
  /** Nothing that may be given: the head by which it is known from now on. */
  | { readonly found: 'nothing'; readonly head: string }
  | NoStore;

interface LookupParts {
  readonly store: RequestStore;
  readonly emit: EmitEvent;
}

export async function lookup(parts: LookupParts, key: Key, tags: FetchTags): Promise<Lookup> {
  const read = await parts.store.read(key.text, tags.all);
  if (read === undefined) return { found: 'no-store' };
  const stamps = stampsOf(tags.all, read.tokens);
  const { text } = read;
  if (text === undefined) return { found: 'nothing', seen: { stamps, head: undefined, isPrediction: false } };
  const judged = await judge(parts, key, { tags, read: { ...read, text } });
  return judged.found === 'nothing'
    ? { found: 'nothing', seen: { stamps, head: judged.head, isPrediction: false } }
    : judged;
}

/** Whether what was read at a key may be given. */
export async function judge(
  { store, emit }: LookupParts,
  key: Key,
  { tags, read }: { tags: FetchTags; read: StoreRead & { readonly text: string } },
): Promise<Judged> {
  const { text, remainingMs, tokens } = read;
  const rejected = (reason: 'corrupt' | 'invalidated'): Judged => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { found: 'nothing', head: entryIdOf(text) };
  };
  const entry = decodeEntry(key, { text, remainingMs });
  if (entry === undefined) return rejected('corrupt');
  const isValid = await entryStands(store, entry.stamps, { tags, tokens });
  if (isValid === undefined) return { found: 'no-store' };
  return isValid
    ? { found: 'entry', entry, remainingMs, entryRef: entryRefOf(key, entry, text) }
    : rejected('invalidated');
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
