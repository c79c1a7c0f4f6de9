/**
 * Keeps a process from reading its store after an outage, until the feed has caught up: what changed meanwhile is still to be
 * invalidated there, perhaps by another process.
 *
 * When the store is back, the process asks PostgreSQL where the log ends, and waits until the feed has recorded that position. If that
 * takes too long, it invalidates everything instead.
 */
import type { Cache, CacheEvent, Clock } from '../../cache/index.ts';
import type { Lsn } from './lsn.ts';

interface CatchUpParts {
  readonly cache: Pick<Cache, 'on' | 'suspend' | 'invalidate'>;
  /** Where the log ends now. Rejects if the database cannot be asked. */
  readonly readPosition: () => Promise<Lsn>;
  /** How far the store is; undefined if that is not known. */
  readonly readRecord: () => Promise<Lsn | undefined>;
  /** Whether a feed works: without one, nothing will catch up. */
  readonly isFed: () => boolean;
  /** It took too long, so everything is invalidated. */
  readonly onLate: () => void;
  readonly clock: Clock;
}

const waitMsMax = 5_000;
const askAgainMs = 20;
/** Between two attempts to invalidate everything. */
const retryMs = 250;

export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #stopListening: () => void;
  /** Of the last outage. */
  #outage = 0;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
    this.#stopListening = parts.cache.on((event) => this.#onEvent(event));
  }

  close(): void {
    this.#stopListening();
    this.#outage += 1;
    this.#suspend(false);
  }

  #onEvent({ type }: CacheEvent): void {
    if (type === 'connection-failed' || type === 'breaker-opened') {
      this.#outage += 1;
      this.#suspend(true);
    }
    if (type === 'connection-ready' || type === 'breaker-closed') {
      this.#outage += 1;
      void this.#catchUp(this.#outage);
    }
  }

  async #catchUp(outage: number): Promise<void> {
    const { readRecord, onLate, isFed, clock } = this.#parts;
    const isOver = (): boolean => this.#outage !== outage;
    this.#suspend(true);
    const beganMs = clock.nowMs();
    let position: Lsn | undefined;
    while (isFed() && clock.nowMs() - beganMs < waitMsMax) {
      position ??= await this.#position();
      const record = position === undefined ? undefined : await readRecord();
      if (isOver()) return;
      if (record !== undefined && position !== undefined && record >= position) return this.#suspend(false);
      await new Promise<void>((resolve) => void clock.after(askAgainMs, resolve));
      if (isOver()) return;
    }
    if (isFed()) {
      onLate();
      while (!(await this.#invalidateEverything())) {
        await new Promise<void>((resolve) => void clock.after(retryMs, resolve));
        if (isOver()) return;
      }
      if (isOver()) return;
    }
    this.#suspend(false);
  }

  /** @returns False if the store is unavailable. */
  async #invalidateEverything(): Promise<boolean> {
    try {
      await this.#parts.cache.invalidate('everything');
      return true;
    } catch {
      return false;
    }
  }

  async #position(): Promise<Lsn | undefined> {
    try {
      return await this.#parts.readPosition();
    } catch {
      return undefined;
    }
  }

  #suspend(isSuspended: boolean): void {
    this.#parts.cache.suspend(this, isSuspended);
  }
}
