/** What a `CacheError` is about; branch on this, never on the message. */
export type CacheErrorCode =
  | 'INVALID_POLICY'
  | 'INVALID_TAG'
  | 'INVALID_KEY'
  /** What a cache or a store was created with is unknown, missing or malformed. */
  | 'INVALID_OPTIONS'
  | 'UNENCODABLE'
  | 'CORRUPT_ENTRY'
  | 'CIRCULAR_LOAD'
  | 'STORE_UNAVAILABLE'
  /** The store answered, and answered no: it wants a password, or forbids a key. */
  | 'STORE_REFUSED'
  /** The same, because it takes nothing new for now: it is full, or read-only. */
  | 'STORE_FULL';

/** Every error of the engine's own. What a load rejects with is never wrapped in one. */
export class CacheError extends Error {
  override readonly name = 'CacheError';
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether a store has answered, and answered no: it is there, and may have the value that is read next. */
export function isRefusal(error: unknown): boolean {
  return error instanceof CacheError && (error.code === 'STORE_REFUSED' || isFull(error));
}

/** Whether it has answered that it takes nothing new. */
export function isFull(error: unknown): boolean {
  return error instanceof CacheError && error.code === 'STORE_FULL';
}
