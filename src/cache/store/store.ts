import type { Tier } from '../events/events.ts';
import type { EntryVersion } from '../entry/entry.ts';
import type { PropertyNames, PropertyTexts } from '../entry/properties.ts';
import type { TrackTokens } from './token-tracking.ts';
import { CacheError } from '../base/errors.ts';

/**
 * The port of a store, which holds values and tokens, as the engine needs it. Implemented by `redis-store.ts` and
 * `memory-store.ts`; `test/cache/store/store-contract.ts` tests both.
 *
 * - Each call is atomic: in `acquire` nothing happens between the look at the value and the lease, in `fill` nothing between the
 *   check of the lease and the value. A value and its properties are read, stored and replaced in one step. Once a call has
 *   resolved, every later call, of any process, sees its effect.
 * - Calls of one tick may be sent together. A reply that arrives after the tick of its call describes the store at the end of that
 *   tick, or later.
 * - A store may reject at any time, with a `CacheError`: `STORE_FULL` if it takes no new values for now, `STORE_REFUSED` if it
 *   forbids this call, otherwise `STORE_UNAVAILABLE`, which alone opens the circuit. `guarded-store.ts` bounds how long that takes.
 * - It removes what has expired by itself, and bounds what it holds, or documents that it does not.
 */
export interface Store {
  /** The first part of every key. */
  readonly namespace: string;
  readonly tier: Tier;
  /** Reads the value at `key`, its remaining life and the tokens of `tags`, in one round trip. */
  read(key: string, tags: readonly string[]): Promise<StoreRead>;
  /**
   * As `read`, with the texts of these properties of the value. Undefined if the store keeps no properties: values are then stored as
   * one text, and `StoreWrite.properties` is never set.
   */
  readonly readProperties?: (key: string, tags: readonly string[], names: PropertyNames) => Promise<StoreRead>;
  /**
   * Replaces the text of one property of the value at `key`, and the id of its entry, and ends the lease of the key. Tags and
   * remaining life stay as they are. Processes may have the value in memory, as with `LeasedWrite.isReplacing`. Resolves to false, and
   * changes nothing, if there is no value with such a property, or it would have more than `textCharsMax` characters.
   */
  readonly replaceProperty?: (key: string, replacement: PropertyReplacement) => Promise<boolean>;
  /** Reads whether these entries are still stored, and the tokens of `tags`, in one round trip that returns no values. */
  confirm(entries: readonly EntryVersion[], tags: readonly string[]): Promise<Confirmation>;
  /** Reads the tokens of `tags`. */
  tokens(tags: readonly string[]): Promise<(string | undefined)[]>;
  /**
   * Reads the tokens of `tags`, and creates those that are missing, for `tokenTtlMs`; one with less than half of that left is
   * renewed. A token is a random text of at least 128 bits. Undefined for one that vanishes meanwhile.
   */
  capture(tags: readonly string[]): Promise<(string | undefined)[]>;
  /**
   * Stores a value, and ends the lease of its key: a load under that lease may have begun earlier. Then reads the tokens of the
   * value's tags, in the same round trip. Resolves to undefined, and changes nothing, if the key has changed (`UnleasedWrite`).
   */
  write(key: string, write: UnleasedWrite): Promise<(string | undefined)[] | undefined>;
  /**
   * Replies with the first of these states that applies, and with the tokens of `tags`:
   *
   * 1. `value`: there is one, and the caller has not rejected it. In all other states `text` is undefined, `remainingMs` 0.
   * 2. `open`: after `release` with `openMs`, every request may load. With `isUnleased`, this is the only state.
   * 3. `held`: the lease was free, or is already the caller's, or is the one to take over. It now has this digest and life.
   * 4. `taken`, with its `holder`.
   */
  acquire(key: string, request: LeaseRequest): Promise<LeaseReply>;
  /** Stores a value as `write` does, if the lease is still held, and ends the lease. */
  fill(key: string, write: LeasedWrite): Promise<FillReply>;
  /** Prolongs a lease, if it is still held. */
  renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void>;
  /** Ends a lease, if it is still held. */
  release(key: string, end: LeaseRelease): Promise<void>;
  /**
   * Deletes the tokens of `tags`: every value that is stamped with them is invalidated. A deleted token is never returned again,
   * not even after a restart or from a restored copy; a store that cannot ensure that begins without tokens.
   */
  dropTokens(tags: readonly string[]): Promise<void>;
  /**
   * Removes values, and ends the leases of their keys, so that running loads are not stored. Processes may have them in memory, as with
   * `LeasedWrite.isReplacing`. Returns the number of values that had not expired.
   */
  remove(keys: readonly string[]): Promise<number>;
  /** Removes all values and tokens of the namespace, not its leases; returns the number of values that had not expired. */
  clear(): Promise<number>;
  /** Reads a text that is not a cached value, which `clear` and `usage` leave alone. See `StoredData`. */
  getData(name: string): Promise<string | undefined>;
  /** Stores such a text, for `dataTtlMs`. */
  setData(name: string, text: string): Promise<void>;
  /** Counts what the store holds now. */
  usage(): Promise<StoreUsage>;
  /** Reports tokens that change, whichever process changes them. A store of one process does not have this method. */
  readonly track?: TrackTokens;
  /** Reports whether there is a connection: at once if there is none, and whenever that changes. */
  readonly watchConnection?: (listener: ConnectionListener) => void;
  /** Resolves if the store replies. */
  ping(): Promise<void>;
  /** Ends what the store has open. Calls that are pending may reject. */
  close(): Promise<void>;
}

/** Listens to the connection of a store. */
export interface ConnectionListener {
  /** The connection could not be made, or has broken. Called for each attempt. */
  failed(error: CacheError): void;
  ready(): void;
}

/** The content of one key. */
export interface StoreRead {
  readonly text: string | undefined;
  /** The remaining life of the value; 0 if there is no value. */
  readonly remainingMs: number;
  /** In the order of the requested tags. */
  readonly tokens: readonly (string | undefined)[];
  /** The requested properties that the value has; undefined if none were requested, or they are not stored, or those of another value. */
  readonly properties?: PropertyTexts | undefined;
}

/** Which of the requested entries are still stored. */
export interface Confirmation {
  /** The remaining life of each entry; undefined if it is no longer stored, or replaced by another one. */
  readonly remainingMs: readonly (number | undefined)[];
  /** In the order of the requested tags. */
  readonly tokens: readonly (string | undefined)[];
}

/** A value to store. */
export interface StoreWrite {
  readonly text: string;
  /** The properties of the value, which are stored apart from `text`. */
  readonly properties?: PropertyTexts | undefined;
  readonly ttlMs: number;
  /** The tags whose tokens are requested. */
  readonly tags: readonly string[];
}

/** A value to store without a lease. */
export interface UnleasedWrite extends StoreWrite {
  /** The `LeaseReply.changeId` from before the load: it is stored only if that is unchanged. Undefined to store it anyway. */
  readonly changeId?: string | undefined;
}

/** The new text of a property. */
export interface PropertyReplacement {
  readonly name: string;
  readonly text: string;
  /** The beginning of the entry's text from then on, from `newEntryId`. */
  readonly entryId: string;
}

/** A value to store under a lease. */
export interface LeasedWrite extends StoreWrite {
  /** The id of the lease. */
  readonly lease: string;
  /**
   * Whether processes may have the value that this one replaces in memory: a store with `track` then calls `onReplaced` for its key.
   * Default: false.
   */
  readonly isReplacing?: boolean;
}

/** The end of a lease whose load has stored nothing. */
export interface LeaseRelease {
  /** The id of the lease. */
  readonly lease: string;
  /** For this long from then on, every request may load for itself. */
  readonly openMs: number;
  /** Whether the value at the key is removed; processes may have it in memory, as with `LeasedWrite.isReplacing`. Default: false. */
  readonly isRemoving?: boolean;
}

/** A request for the lease of a key. */
export interface LeaseRequest {
  /** The id of the lease, if it is given: 22 characters. */
  readonly lease: string;
  /** The tokens that the load would depend on, from `stampsDigestOf`. */
  readonly stampsDigest: string;
  readonly leaseMs: number;
  /** The id of the lease to take over, if it is still that one; undefined to request a free lease. */
  readonly takenOver: string | undefined;
  /** Whether the caller stores without a lease, such as a refresh: the state is `open`, with `changeId`. Default: false. */
  readonly isUnleased?: boolean;
  /** What the caller has rejected, from `entryIdOf`; `anyEntryId` if that was not an entry; undefined if it has found nothing. */
  readonly rejectedEntryId: string | undefined;
  /** The tags whose tokens are requested. */
  readonly tags: readonly string[];
}

/** A value that the caller has not rejected, the lease, the lease of another holder, or `open`: every request may load. */
export interface LeaseReply extends StoreRead {
  readonly state: 'value' | 'held' | 'taken' | 'open';
  /** If the lease is taken: its id, and the tokens that its holder's load depends on. */
  readonly holder: { readonly lease: string; readonly stampsDigest: string } | undefined;
  /** With `open` or `held`: identifies the last `remove` or `replaceProperty` of the key in ten minutes; empty if there was none. */
  readonly changeId: string;
}

/** A load without a lease that takes longer may be stored although its key has changed. */
export const changeMs = 600_000;

/** Whether a value was stored, and the tokens of its tags afterwards. */
export interface FillReply {
  readonly isStored: boolean;
  readonly tokens: readonly (string | undefined)[];
}

/** How much a store holds. */
export interface StoreUsage {
  /** The number of values of this namespace, without tokens. */
  readonly keys: number;
  /** Bytes: what Redis uses in total, or what the memory store holds. */
  readonly memoryUsed: number;
}

/** @throws {CacheError} `INVALID_KEY` for a namespace that cannot begin a key: 1…32 of `a-z 0-9 _ -`. */
export function checkNamespace(namespace: string): void {
  if (typeof namespace === 'string' && /^[a-z0-9_-]{1,32}$/.test(namespace)) return;
  throw new CacheError('INVALID_KEY', `a namespace is 1 to 32 of a-z 0-9 _ -, got ${JSON.stringify(namespace)}`);
}

/** The longest life of a value in milliseconds, fresh and stale: one day. */
export const ttlMsMax = 86_400_000;

/**
 * The TTL of a token: twice the longest life of a value, so that no value outlives the token that it is stamped with by accident.
 * If that happened, the value would only be loaded again.
 */
export const tokenTtlMs = 2 * ttlMsMax;

/** The longest text that the engine stores; a store need not check that. A longer one would delay other reads on its connection. */
export const textCharsMax = 4_000_000;
