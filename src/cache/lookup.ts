/** Reads an entry and the tokens of its tags from the store in one round trip, and decides whether the entry is valid. */
import type { ClassCodecs } from './entry/class-codecs.ts';
import { decodeEntry, entryIdOf, entryRefOf, type CachedEntry } from './entry/entry.ts';
import type { Key } from './entry/key.ts';
import type { PropertyNames } from './entry/properties.ts';
import type { EmitEvent } from './events/events.ts';
import type { FetchStore } from './store/fetch-store.ts';
import type { StoreRead } from './store/store.ts';
import { stampsOf, type FetchTags, type Stamps } from './tags/tags.ts';
import { hasRequired, isValid, tokensByTag } from './tags/validity.ts';

/** What a request knows after a miss. */
export interface Miss {
  /** The tokens of its tags; undefined if one is missing. */
  readonly stamps: Stamps | undefined;
  /** The id of the entry that the request found and rejected; undefined if it found none. */
  readonly rejectedEntryId: string | undefined;
  /** A valid entry that has expired, to be returned while its load has just failed; undefined if there is none. */
  readonly expired?: CachedEntry | undefined;
}

type Lookup =
  | { readonly state: 'hit'; readonly entry: CachedEntry }
  | ({ readonly state: 'miss' } & Miss)
  /** The store failed, or is bypassed. */
  | { readonly state: 'no-store' };

/** The verdict on an entry that the store returned. */
type Verdict =
  | { readonly state: 'valid'; readonly entry: CachedEntry }
  | { readonly state: 'rejected'; readonly entryId: string }
  | { readonly state: 'no-store' };

interface LookupParts {
  readonly store: FetchStore;
  readonly emit: EmitEvent;
  readonly codecs: ClassCodecs;
}

/**
 * @param staleMs For how long after it has expired an entry is a hit.
 * @param staleIfErrorMs For how long after that it is returned with a miss.
 * @param names The properties to read, of a value whose properties are stored apart; undefined for other values.
 */
export async function lookUp(
  parts: LookupParts,
  key: Key,
  {
    tags,
    staleMs,
    staleIfErrorMs = 0,
    names,
  }: { tags: FetchTags; staleMs: number; staleIfErrorMs?: number; names?: PropertyNames | undefined },
): Promise<Lookup> {
  const read = await parts.store.read(key.text, tags.all, names);
  if (read === undefined) return { state: 'no-store' };
  const { text, tokens } = read;
  const miss = (rejectedEntryId: string | undefined): Miss & { state: 'miss' } => {
    return { state: 'miss', stamps: stampsOf(tags.all, tokens), rejectedEntryId };
  };
  if (text === undefined) return miss(undefined);
  const accepted = Math.max(staleMs, staleIfErrorMs);
  const verdict = await checkEntry(parts, key, { tags, staleMs: accepted, names, read: { ...read, text } });
  if (verdict.state === 'valid') {
    const { entry } = verdict;
    if (entry.remainingMs > -staleMs) return { state: 'hit', entry };
    // Requests that need other properties may receive it too.
    if (entry.only !== undefined) return lookUp(parts, key, { tags, staleMs, staleIfErrorMs, names: 'all' });
    return { ...miss(entry.entryRef.entryId), expired: entry };
  }
  return verdict.state === 'rejected' ? miss(verdict.entryId) : verdict;
}

interface EntryToCheck {
  readonly tags: FetchTags;
  readonly staleMs: number;
  /** The properties that were asked for with it. */
  readonly names?: PropertyNames | undefined;
  readonly read: StoreRead & { readonly text: string };
}

/** Decides whether the text that was read at `key` is an entry of that key, valid, and not stale for too long. */
export async function checkEntry(
  { store, emit, codecs }: LookupParts,
  key: Key,
  { tags, staleMs, names, read }: EntryToCheck,
): Promise<Verdict> {
  const { text, remainingMs: lifeMs, tokens, properties } = read;
  const rejected = (reason: 'corrupt' | 'invalidated'): Verdict => {
    emit({ type: 'entry-rejected', key: key.text, field: key.field, reason });
    return { state: 'rejected', entryId: entryIdOf(text) };
  };
  const entry = decodeEntry(key, { text, lifeMs, properties, names }, codecs);
  if (entry === undefined) return rejected('corrupt');
  if (entry.isApart === true && properties === undefined) {
    // Its properties have been evicted.
    if (names !== undefined) return { state: 'rejected', entryId: entryIdOf(text) };
    return checkWhole({ store, emit, codecs }, key, { tags, staleMs, read });
  }
  const remainingMs = lifeMs - entry.staleMs;
  if (remainingMs <= -staleMs) return { state: 'rejected', entryId: entryIdOf(text) };
  if (!hasRequired(entry.stamps, tags.required)) return rejected('invalidated');
  const known = tokensByTag(tags.all, tokens);
  const others = Object.keys(entry.stamps).filter((tag) => !known.has(tag));
  if (!isValid(entry.stamps, (tag) => (known.has(tag) ? known.get(tag) : entry.stamps[tag]))) {
    return rejected('invalidated');
  }
  if (others.length > 0) {
    // Only the entry names these tags, such as the rows of values that were fetched inside its load: a second round trip.
    const othersTokens = await store.tokens(others);
    if (othersTokens === undefined) return { state: 'no-store' };
    const current = tokensByTag(others, othersTokens);
    if (others.some((tag) => entry.stamps[tag] !== current.get(tag))) return rejected('invalidated');
  }
  const valid = { entry, remainingMs, entryRef: entryRefOf(key, entry, text) };
  const isWhole = entry.isApart !== true || names === undefined || names === 'all';
  return { state: 'valid', entry: isWhole ? valid : { ...valid, only: new Set(names) } };
}

/** Reads the entry again, with its properties, which were not known to be stored apart. */
async function checkWhole(parts: LookupParts, key: Key, { tags, staleMs, read }: EntryToCheck): Promise<Verdict> {
  const again = await parts.store.read(key.text, tags.all, 'all');
  if (again === undefined) return { state: 'no-store' };
  const { text } = again;
  if (text === undefined) return { state: 'rejected', entryId: entryIdOf(read.text) };
  return checkEntry(parts, key, { tags, staleMs, names: 'all', read: { ...again, text } });
}
