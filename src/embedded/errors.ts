/** Why a server could not be started. */
export type EmbeddedErrorCode = 'BINARIES_MISSING' | 'START_FAILED' | 'SQL_FAILED';

/** An embedded server could not be started. The message says what was tried and what to do. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
  readonly code: EmbeddedErrorCode;

  constructor(code: EmbeddedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
