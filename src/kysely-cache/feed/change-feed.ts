/**
 * The feed of a database's changes: whatever changes a row, the values that depend on it are invalidated in every process.
 *
 * All processes of a namespace share a replication slot. One of them reads it and invalidates for all; the others wait, and one of them
 * takes over as soon as that process goes away. Without a shared store, each process has a slot of its own.
 */
import { consoleLog, systemClock } from '../../cache/index.ts';
import type { CacheLog, Clock } from '../../cache/index.ts';
import type { DeliveryCounts } from './delivery.ts';
import { CatchUp } from './catch-up.ts';
import { explained, FeedError } from './feed-error.ts';
import { checkFeedOptions, type ChangeFeedOptions } from './feed-options.ts';
import { FeedRecord } from './feed-record.ts';
import type { FeedSession, SessionParts } from './feed-session.ts';
import { RelationTags } from './relation-tags.ts';

/**
 * - `starting`: it is not known yet whether the feed works
 * - `reading`: this process reads the slot, and invalidates for all processes
 * - `waiting`: another process does
 * - `interrupted`: the database cannot be reached; it is tried again within seconds
 * - `off`: the database is not set up for it; it is checked again every half minute
 * - `closed`
 */
export type FeedState = 'starting' | 'reading' | 'waiting' | 'interrupted' | 'off' | 'closed';

/** What a change feed does now, and has done since it was created. */
export interface FeedStatus extends Readonly<DeliveryCounts> {
  readonly state: FeedState;
  /** Why it is interrupted or off. */
  readonly reason: string | undefined;
  /** The name of the replication slot, once it is known. */
  readonly slot: string | undefined;
  /** How long the oldest change that this process has still to invalidate has been waiting; 0 if there is none. */
  readonly lagMs: number;
  /** Bytes of the log that this process has still to invalidate. */
  readonly lagBytes: number;
}

/** Receives the changes of a database. */
export interface ChangeFeed {
  readonly status: FeedStatus;
  /** Resolves when the feed reads or waits, or is known not to work. */
  readonly ready: Promise<void>;
  /** Asks the server how many bytes of its log it retains for the slot, every two seconds; undefined if it cannot be asked. */
  retainedBytes(): Promise<number | undefined>;
  /** Ends it. The slot stays, so that a later process misses nothing. */
  close(): Promise<void>;
}

/**
 * Invalidates what depends on the rows that change in the database, whatever program changes them, until it is closed.
 *
 * Requires `wal_level = logical`, a publication of the tables, and a user with the attribute REPLICATION. Without them it logs what to
 * run, and checks again every half minute; values are then invalidated by `writing`, by `Cache.invalidate` and by their TTLs.
 *
 * @throws {CacheError} `INVALID_OPTIONS`
 */
export function changeFeed(options: ChangeFeedOptions): ChangeFeed {
  checkFeedOptions(options);
  return new Feed(options);
}

/** After a failure: from the first on, twice as long each time. */
const retryMs = { min: 50, max: 5_000 };
const checkAgainMs = 30_000;
const askedEveryMs = 2_000;
/**
 * The slot is there but cannot be read: it is out of date, or it is older than the publication, which was replaced.
 * https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const slotFaults: ReadonlySet<string> = new Set(['42704', '55000']);
const late = 'it has not caught up within five seconds of the end of the outage, so all values are invalidated';
const silent: CacheLog = { warn: () => {} };

class Feed implements ChangeFeed {
  readonly ready: Promise<void>;
  readonly #log: CacheLog;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #counts: DeliveryCounts = { transactions: 0, invalidations: 0, retries: 0 };
  #parts: Omit<SessionParts, 'isSlotBroken'>;
  readonly #connection: object;
  readonly #catchUp: CatchUp;
  readonly #ended: Promise<void>;
  #isReady = (): void => {};
  #session: FeedSession | undefined;
  #state: FeedState = 'starting';
  #reason: string | undefined;
  #logged: string | undefined;
  #slot: string | undefined;
  #retained = { askedMs: -Infinity, bytes: Promise.resolve<number | undefined>(undefined) };
  #failures = 0;
  #isSlotBroken = false;
  #wake = (): void => {};

  constructor(options: ChangeFeedOptions) {
    const { pool, cache, tables, publication = 'cachepot', connection = pool.options } = options;
    const {
      log = consoleLog(),
      clock = systemClock,
      random = Math.random,
      ownSlot = cache.tier === 'memory',
    } = options;
    this.#log = log === false ? silent : log;
    this.#clock = clock;
    this.#random = random;
    this.#connection = connection;
    this.ready = new Promise((resolve) => (this.#isReady = resolve));
    this.#parts = {
      ...{ connection, publication, cache, clock },
      isTemporary: ownSlot,
      relations: new RelationTags(tables.lineageOf),
      counts: this.#counts,
      onState: (state: 'waiting' | 'reading') => this.#enter(state),
      onGone: (slot: string) => this.#reportGone(slot),
    };
    this.#catchUp = new CatchUp({
      cache,
      clock,
      readPosition: async () => (await import('./wal-position.ts')).readWalPosition(connection),
      readRecord: async () => await new FeedRecord(cache.data, this.status.slot ?? '').read(),
      isFed: () => this.#state !== 'off' && this.#state !== 'closed',
      onLate: () => this.#log.warn({}, `change feed: ${late}`),
    });
    this.#ended = this.#run();
  }

  get status(): FeedStatus {
    const { lagMs = 0, lagBytes = 0 } = this.#session ?? {};
    return { state: this.#state, reason: this.#reason, slot: this.#slot, lagMs, lagBytes, ...this.#counts };
  }

  async retainedBytes(): Promise<number | undefined> {
    const nowMs = this.#clock.nowMs();
    // Each question needs a connection.
    if (nowMs - this.#retained.askedMs > askedEveryMs)
      this.#retained = { askedMs: nowMs, bytes: this.#askRetainedBytes().catch(() => undefined) };
    return await this.#retained.bytes;
  }

  async #askRetainedBytes(): Promise<number | undefined> {
    if (this.#slot === undefined || this.#isClosed()) return undefined;
    const { readRetainedBytes } = await import('./wal-position.ts');
    return await readRetainedBytes(this.#connection, this.#slot);
  }

  async close(): Promise<void> {
    const isLast = this.#state === 'reading' && (await this.#session?.isLast()) === true;
    this.#state = 'closed';
    this.#catchUp.close();
    this.#wake();
    await this.#session?.close();
    await this.#ended;
    if (isLast) {
      const cost = 'until then, PostgreSQL retains its log for it, up to max_slot_wal_keep_size';
      this.#log.info?.(
        { slot: this.#slot },
        `change feed: the slot ${this.#slot} stays, so the next start misses nothing; ${cost}`,
      );
    }
  }

  async #run(): Promise<void> {
    while (!this.#isClosed()) {
      const reason = await this.#runSession();
      this.#session = undefined;
      this.#isSlotBroken = slotFaults.has((reason as { code?: string } | undefined)?.code ?? '');
      const error = explained(reason);
      if (!this.#isClosed()) await this.#pause(this.#failed(error));
    }
    this.#isReady();
  }

  /** Resolves with the reason why it ended. */
  async #runSession(): Promise<unknown> {
    try {
      // Only here: programs without a feed need not have its libraries.
      const session = await import('./feed-session.ts');
      if (this.#isClosed()) return undefined;
      this.#session = new session.FeedSession({ ...this.#parts, isSlotBroken: this.#isSlotBroken });
      const reason = await this.#session.run();
      return reason === session.otherStore ? this.#useOwnSlot() : reason;
    } catch (error) {
      return error;
    }
  }

  #useOwnSlot(): Error {
    this.#parts = { ...this.#parts, isTemporary: true };
    return new Error(
      `the slot ${this.#slot} is read for another Redis: this process reads one of its own from now on; ` +
        'give deployments with different Redis servers different namespaces',
    );
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #enter(state: 'waiting' | 'reading'): void {
    if (this.#isClosed() || this.#state === state) return;
    this.#slot = this.#session?.slot;
    this.#failures = 0;
    this.#reason = undefined;
    this.#logged = undefined;
    const what = state === 'reading' ? 'this process reads' : 'another process reads';
    this.#log.info?.({ slot: this.#slot }, `change feed: ${what} the slot ${this.#slot}`);
    this.#state = state;
    this.#isReady();
  }

  /** @returns After how many milliseconds to try again. */
  #failed(error: unknown): number {
    const isSetUpWrongly = error instanceof FeedError && error.code !== 'SILENT';
    this.#state = isSetUpWrongly ? 'off' : 'interrupted';
    this.#reason = error instanceof Error ? error.message : String(error);
    const line = isSetUpWrongly
      ? `change feed: off, so changes by other programs are seen when the TTL ends: ${this.#reason}`
      : `change feed: interrupted, and tried again: ${this.#reason}`;
    if (this.#logged !== line) this.#log.warn({ reason: this.#reason }, line);
    this.#logged = line;
    this.#isReady();
    this.#failures += 1;
    const backoffMs = Math.min(retryMs.max, retryMs.min * 2 ** (this.#failures - 1));
    return isSetUpWrongly ? checkAgainMs : backoffMs * (0.5 + this.#random() / 2);
  }

  #reportGone(slot: string): void {
    const line =
      'change feed: the slot was gone, or the server had removed changes from it, so all values are invalidated; ' +
      'unless it was dropped on purpose, raise max_slot_wal_keep_size or idle_replication_slot_timeout';
    this.#log.warn({ slot }, line);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(ms, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
