/** The kind of a `CacheError`. Branch on this code, never on the message. */
export type CacheErrorCode =
  | 'INVALID_POLICY'
  | 'INVALID_TAG'
  | 'INVALID_KEY'
  /** An option of a cache or a store is unknown, missing or invalid. */
  | 'INVALID_OPTIONS'
  | 'UNENCODABLE'
  | 'CORRUPT_ENTRY'
  | 'CIRCULAR_LOAD'
  /** A load takes longer than its policy allows, or, in the background, than ten seconds; nothing waits for it any more. */
  | 'LOAD_TIMEOUT'
  /** `onInvalidate` of `createCdn` has not succeeded within ten seconds. */
  | 'PURGE_TIMEOUT'
  | 'STORE_UNAVAILABLE'
  /** The store replied with a refusal: it requires a password, or forbids a key. */
  | 'STORE_REFUSED'
  /** The store refuses new values for now: it is full, or read-only. */
  | 'STORE_FULL'
  /** A package that this call needs is not installed. */
  | 'LIBRARY_MISSING';

/** An error of the engine itself. What a load rejects with is never wrapped in one. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether the store replied with a refusal: it is reachable, so later reads may succeed. */
export function isRefusal(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'STORE_REFUSED' || isFull(error));
}

/** Whether the store has replied that it accepts no new values. */
export function isFull(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'STORE_FULL';
}
