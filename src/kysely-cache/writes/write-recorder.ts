/** Records what the statements of one `writing` may write. */
import type { TableWrites } from './table-writes.ts';

export class WriteRecorder {
  readonly #inTransaction = new Set<TableWrites>();
  readonly #besides = new Set<TableWrites>();
  #hasTransaction = false;
  #mayHaveEnded = false;

  /** Whether a transaction that begins is the one of this `writing`: the first. Others commit on their own, whatever becomes of it. */
  takesTransaction(): boolean {
    const isFirst = !this.#hasTransaction;
    this.#hasTransaction = true;
    return isFirst;
  }

  /** @param isInTransaction Whether it is a statement of the transaction of this `writing`. */
  record(writes: TableWrites, isInTransaction: boolean): void {
    (isInTransaction ? this.#inTransaction : this.#besides).add(writes);
    if (isInTransaction && writes.endsTransaction) this.#mayHaveEnded = true;
  }

  /** @param isCommitted Whether the transaction is committed, or may be. */
  writes(isCommitted: boolean): readonly TableWrites[] {
    return isCommitted || this.#mayHaveEnded ? [...this.#inTransaction, ...this.#besides] : [...this.#besides];
  }
}
