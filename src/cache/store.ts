import { CacheError } from './errors.ts';
import { ttlMsMax } from './policy.ts';

/**
 * Where values and tokens live, as the engine needs it. `redis-store.ts` and `memory-store.ts` are behind it, and one
 * contract suite runs on both. A store may reject at any time, with `STORE_REFUSED` where it did answer; `guarded-store.ts` bounds
 * how long that takes.
 */
export interface Store {
  /** First part of every key. */
  readonly namespace: string;
  readonly tier: Tier;
  /** The value at `key` with the life that is left, and the tokens of `tags`, in one round trip. */
  read(key: string, tags: readonly string[]): Promise<StoreRead>;
  /** The tokens of `tags` as they stand. */
  tokens(tags: readonly string[]): Promise<(string | undefined)[]>;
  /** The tokens of `tags`, made where there are none. One that vanishes meanwhile is undefined. */
  capture(tags: readonly string[]): Promise<(string | undefined)[]>;
  /** Value and time to live in one command. */
  write(key: string, text: string, ttlMs: number): Promise<void>;
  /** Deletes the tokens of `tags`: whatever is stamped with them is void. */
  dropTokens(tags: readonly string[]): Promise<void>;
  /** Removes all values and tokens of the namespace; gives the number of values. */
  clear(): Promise<number>;
  usage(): Promise<StoreUsage>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Which kind of memory answered. */
export type Tier = 'memory' | 'redis';

/** What a store has at one key. */
export interface StoreRead {
  readonly text: string | undefined;
  /** What is left of the value's life; 0 where there is no value. */
  readonly remainingMs: number;
  /** In the order of the tags that were asked for. */
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
  if (/^[a-z0-9_-]{1,32}$/.test(namespace)) return;
  throw new CacheError('INVALID_KEY', `a namespace is 1 to 32 of a-z 0-9 _ -, got ${JSON.stringify(namespace)}`);
}

/**
 * How long a token lives: twice the longest life of a value, so that no value outlives the token that it is stamped
 * with by accident. Were it to happen, the value would merely be loaded again.
 */
export const tokenTtlMs = 2 * ttlMsMax;
