/**
 * Writes in a transaction, and invalidates what depends on them: after COMMIT, never before it, because a value that is loaded in
 * between would be the old one under the new token; and before `writing` resolves, so that a read which begins afterwards is new.
 */
import type { IsolationLevel, Kysely, Transaction } from 'kysely';
import { AsyncContext } from '../../async-context/index.ts';
import type { Cache } from '../../cache/index.ts';
import { WriteRecorder } from './write-recorder.ts';
import type { WriteCatalogues } from './write-catalogues.ts';

/** Options of one `writing`. */
export interface WritingOptions {
  /** Default: that of the database. */
  readonly isolationLevel?: IsolationLevel;
}

/**
 * Runs `work` in a transaction of `db`, which must use the watched dialect, and resolves with its result once it is committed and the
 * values that depend on the tables it has written are invalidated: also those that foreign keys, triggers and functions change. If
 * the transaction is rolled back, nothing is invalidated.
 *
 * A store that is unavailable does not fail it: the change is committed. This process does not use the store until the
 * invalidation is delivered.
 *
 * With the transaction of an outer `writing`, `work` is part of that.
 *
 * @throws Whatever `work` rejects with, or the database.
 */
export type Writing = <DB, T>(
  db: Kysely<DB>,
  work: (trx: Transaction<DB>) => Promise<T>,
  options?: WritingOptions,
) => Promise<T>;

const writers = new AsyncContext<WriteRecorder>();

/** What records the writes of the code that runs; undefined outside of `writing`. */
export function currentWriter(): WriteRecorder | undefined {
  return writers.get();
}

export function createWriting(cache: Pick<Cache, 'invalidateCommitted'>, catalogues: WriteCatalogues): Writing {
  return async (db, work, { isolationLevel } = {}) => {
    if (isTransaction(db)) {
      if (currentWriter() === undefined)
        throw new Error('writing: got a transaction that writing has not begun; pass the Kysely instance itself.');
      return await work(db);
    }
    const recorder = new WriteRecorder();
    let isCommitted = false;
    try {
      const transaction = db.transaction();
      const begun = isolationLevel === undefined ? transaction : transaction.setIsolationLevel(isolationLevel);
      return await writers.run(recorder, () =>
        begun.execute(async (trx) => {
          const result = await work(trx);
          // Even if COMMIT fails: a connection may break after the server has committed.
          isCommitted = true;
          return result;
        }),
      );
    } finally {
      const statements = recorder.writes(isCommitted);
      if (statements.length > 0) {
        const { isEverything, tags } = await catalogues.reachOf(statements);
        await cache.invalidateCommitted(isEverything ? 'everything' : [...tags]);
      }
    }
  };
}

function isTransaction<DB>(db: Kysely<DB>): db is Transaction<DB> {
  return db.isTransaction;
}
