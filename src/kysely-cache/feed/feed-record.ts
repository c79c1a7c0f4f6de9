/**
 * How far a store has been fed from a slot. It is written before the server is told, so a store whose record is behind what the server
 * counts as acknowledged has missed changes: they were delivered to another store, or it was restored from an older copy.
 */
import { CacheError, type StoredData } from '../../cache/index.ts';
import { lsnOf, lsnText, type Lsn } from './lsn.ts';

export class FeedRecord {
  readonly #data: StoredData;
  readonly #name: string;

  constructor(data: StoredData, slot: string) {
    this.#data = data;
    this.#name = `feed:${slot}`;
  }

  /** Undefined if there is none, or if it cannot be read. */
  async read(): Promise<Lsn | undefined> {
    try {
      const text = await this.#data.get(this.#name);
      return text === undefined ? undefined : lsnOf(text);
    } catch {
      return undefined;
    }
  }

  /** Whether this store has missed what was acknowledged before `lsn`; false if it cannot be asked. */
  async isBehind(lsn: Lsn): Promise<boolean> {
    try {
      const text = await this.#data.get(this.#name);
      return text === undefined || lsnOf(text) < lsn;
    } catch (error) {
      return !(error instanceof CacheError);
    }
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` */
  async write(lsn: Lsn): Promise<void> {
    try {
      await this.#data.set(this.#name, lsnText(lsn));
    } catch (error) {
      // A store that takes no record, because it is full or the user may not, has deleted the tokens. The next session will
      // invalidate everything.
      if (!isRefused(error)) throw error;
    }
  }
}

/** Whether the store has replied, and refused. */
function isRefused(error: unknown): boolean {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof CacheError && (cause.code === 'STORE_FULL' || cause.code === 'STORE_REFUSED');
}
