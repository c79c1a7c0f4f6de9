/** What a `CacheError` is about; branch on this, never on the message. */
export type CacheErrorCode =
  | 'INVALID_POLICY'
  | 'INVALID_TAG'
  | 'INVALID_KEY'
  | 'UNENCODABLE'
  | 'CORRUPT_ENTRY'
  | 'CIRCULAR_LOAD'
  | 'STORE_UNAVAILABLE'
  /** The store answered, and answered no: it is full, read-only or wants a password. */
  | 'STORE_REFUSED';

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
  return error instanceof CacheError && error.code === 'STORE_REFUSED';
}
