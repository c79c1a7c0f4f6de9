/** Which transactions a new snapshot sees: `pg_visible_in_snapshot`, here, so that one statement answers for any number of them. */

export class Snapshot {
  /** Those before it have ended. */
  readonly #oldest: bigint;
  /** From it on, none has ended. */
  readonly #next: bigint;
  readonly #running: ReadonlySet<bigint>;

  /** @param text From `pg_current_snapshot()`: `xmin:xmax:xid,xid`. https://www.postgresql.org/docs/current/functions-info.html */
  constructor(text: string) {
    const [oldest = '', next = '', running = ''] = text.split(':');
    this.#oldest = BigInt(oldest);
    this.#next = BigInt(next);
    this.#running = new Set(running === '' ? [] : running.split(',').map(BigInt));
  }

  /** The transactions that have begun to write and not ended, except those that began after this snapshot. */
  get running(): readonly bigint[] {
    return [...this.#running];
  }

  sees(xid: bigint): boolean {
    return xid < this.#oldest || (xid < this.#next && !this.#running.has(xid));
  }

  /**
   * The full id of a transaction, of whose 64 bits the log has 32. It is the nearest such id to this snapshot: within two billion
   * transactions, as PostgreSQL itself assumes when it compares them.
   */
  fullXid(xid: number): bigint {
    return this.#next + BigInt.asIntN(32, BigInt(xid) - this.#next);
  }
}
