import type { Tier } from '../events/events.ts';
import type { EntryVersion } from '../entry/entry-ref.ts';
import type { TrackTokens } from './token-tracking.ts';
import { CacheError } from '../base/errors.ts';

/**
 * Where values and tokens live, as the engine needs it. `redis-store.ts` and `memory-store.ts` are behind it, and one
 * contract suite runs on both. A store may reject at any time, with `STORE_REFUSED` or `STORE_FULL` where it did answer;
 * `guarded-store.ts` bounds how long that takes.
 */
export interface Store {
  /** First part of every key. */
  readonly namespace: string;
  readonly tier: Tier;
  /** The value at `key` with the life that is left, and the tokens of `tags`, in one round trip. */
  read(key: string, tags: readonly string[]): Promise<StoreRead>;
  /** Whether these entries are still there, and the tokens of `tags`, in one round trip that brings no values. */
  confirm(entries: readonly EntryVersion[], tags: readonly string[]): Promise<Confirmation>;
  /** The tokens of `tags` as they stand. */
  tokens(tags: readonly string[]): Promise<(string | undefined)[]>;
  /** The tokens of `tags`, made where there are none. One that vanishes meanwhile is undefined. */
  capture(tags: readonly string[]): Promise<(string | undefined)[]>;
  /** Stores a value, and gives the tokens of its tags as they are then, in one round trip. */
  write(key: string, write: StoreWrite): Promise<(string | undefined)[]>;
  /** The value at `key`, where it is not the one that was seen; else its lease, or that somebody has it: see `lease.ts`. */
  acquire(key: string, request: LeaseRequest): Promise<LeaseReply>;
  /** As `write`, where the lease is still held, which ends. */
  fill(key: string, write: StoreWrite & { readonly lease: string }): Promise<FillReply>;
  /** Lets a lease live on, where it is still held. */
  renew(key: string, renewal: { readonly lease: string; readonly leaseMs: number }): Promise<void>;
  /** Ends a lease, where it is still held. For `openMs` from then on everyone has leave to load for himself. */
  release(key: string, end: { readonly lease: string; readonly openMs: number }): Promise<void>;
  /** Deletes the tokens of `tags`: whatever is stamped with them is void. */
  dropTokens(tags: readonly string[]): Promise<void>;
  /** Removes all values and tokens of the namespace; gives the number of values. */
  clear(): Promise<number>;
  usage(): Promise<StoreUsage>;
  /** Listens for tokens that change, whoever changes them. A store of one process has none to listen for. */
  readonly track?: TrackTokens;
  /** Tells whether there is a connection; at once where there is none, and whenever that changes. */
  readonly watchConnection?: (listener: ConnectionListener) => void;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Hears of the connection of a store. */
export interface ConnectionListener {
  /** It could not be made, or has broken; heard again at each attempt. */
  failed(error: CacheError): void;
  ready(): void;
}

/** What a store has at one key. */
export interface StoreRead {
  readonly text: string | undefined;
  /** What is left of the value's life; 0 where there is no value. */
  readonly remainingMs: number;
  /** In the order of the tags that were asked for. */
  readonly tokens: readonly (string | undefined)[];
}

/** Which of the entries that a store was asked about it still has. */
export interface Confirmation {
  /** What is left of each entry's life; undefined where it is not there any more, or another one is. */
  readonly remainingMs: readonly (number | undefined)[];
  /** In the order of the tags that were asked for. */
  readonly tokens: readonly (string | undefined)[];
}

/** A value to store. */
export interface StoreWrite {
  readonly text: string;
  readonly ttlMs: number;
  /** The tags whose tokens are asked for. */
  readonly tags: readonly string[];
}

/** Who asks for the lease of a key, and what he knows. */
export interface LeaseRequest {
  /** The token of the lease, where he gets it: 22 characters. */
  readonly lease: string;
  /** What the load would stand on, from `basisOf`. */
  readonly stampsDigest: string;
  readonly leaseMs: number;
  /** The lease that he takes over, where it is still that one; undefined where he asks for a free one. */
  readonly takenOver: string | undefined;
  /** The beginning of the value that he has rejected; `anyValue` for whatever is there; undefined where he saw none. */
  readonly rejectedEntryId: string | undefined;
  /** The tags whose tokens are asked for. */
  readonly tags: readonly string[];
}

/** What became of it: a value that he has not seen, the lease for him, somebody else's lease, or leave for all to load. */
export interface LeaseReply extends StoreRead {
  readonly state: 'value' | 'held' | 'taken' | 'open';
  /** Where it is taken: by which lease, and what its load stands on. */
  readonly holder: { readonly lease: string; readonly stampsDigest: string } | undefined;
}

/** Whether a value was stored, and the tokens of its tags as they are then. */
export interface FillReply {
  readonly isStored: boolean;
  readonly tokens: readonly (string | undefined)[];
}

/** How much a store holds. */
export interface StoreUsage {
  /** Values of this namespace, without tokens. */
  readonly keys: number;
  /** Bytes: all that Redis uses, or what the memory store holds. */
  readonly memoryUsed: number;
}

/** @throws {CacheError} `INVALID_KEY` for a namespace that cannot begin a key: 1…32 of `a-z 0-9 _ -`. */
export function checkNamespace(namespace: string): void {
  if (typeof namespace === 'string' && /^[a-z0-9_-]{1,32}$/.test(namespace)) return;
  throw new CacheError('INVALID_KEY', `a namespace is 1 to 32 of a-z 0-9 _ -, got ${JSON.stringify(namespace)}`);
}

/** The longest life of a value, in milliseconds: one day. */
export const ttlMsMax = 86_400_000;

/**
 * How long a token lives: twice the longest life of a value, so that no value outlives the token that it is stamped
 * with by accident. Were it to happen, the value would merely be loaded again.
 */
export const tokenTtlMs = 2 * ttlMsMax;

/** The longest text that is stored: a longer one holds up the reads of others on the same connection. */
export const textCharsMax = 4_000_000;
/** The same in UTF-8. */
export const textBytesMax = 3 * textCharsMax;
/** As much of a text is read without knowing that it is an entry. */
export const firstBytes = 1_048_576;
