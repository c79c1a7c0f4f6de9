/** Why a change feed does not work. */
export type FeedErrorCode =
  | 'WAL_LEVEL' // the database does not log what logical decoding needs
  | 'PUBLICATION_MISSING'
  | 'PRIVILEGE_MISSING'
  | 'SLOT_FOREIGN' // the slot's name is taken by another program or database
  | 'NONE_FREE' // the server has no slot left
  | 'PUBLICATION_REFUSED' // its name
  | 'TABLE_REFUSED' // it cannot be published
  | 'LIBRARY_MISSING'
  | 'SILENT'; // the server does not send any more

/** The message says what to do, in one line. It contains no password. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
  readonly code: FeedErrorCode;

  constructor(code: FeedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What the codes of the server mean here. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const meanings: Readonly<Record<string, readonly [FeedErrorCode, string]>> = {
  '42501': ['PRIVILEGE_MISSING', 'the user may not read the log: run ALTER ROLE <user> REPLICATION as a superuser'],
  '53400': [
    'NONE_FREE',
    'all replication slots are in use: raise max_replication_slots, or drop those that nothing reads',
  ],
};

const missing = 'a library is missing: run npm install pg pg-logical-replication';

/** The error as a `FeedError` if it is known what to do about it. */
export function explained(error: unknown): unknown {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  if (code === 'ERR_MODULE_NOT_FOUND') return new FeedError('LIBRARY_MISSING', missing, { cause: error });
  const meaning = typeof code === 'string' ? meanings[code] : undefined;
  return meaning === undefined ? error : new FeedError(...meaning, { cause: error });
}
