/**
 * One attempt to read the slot, from its connections to their end.
 *
 *   the stream's session takes the lock, opens the slot and begins (replication-stream.ts) → the messages of a transaction are
 *   collected (logged-transaction.ts) → once new snapshots see it, its tags are invalidated, and it is acknowledged (delivery.ts)
 */
import { randomBytes } from 'node:crypto';
import { Client, type ClientConfig } from 'pg';
import type { Pgoutput } from 'pg-logical-replication';
import type { Cache, Clock } from '../../cache/index.ts';
import { ChangedTags } from './changed-tags.ts';
import { connectionOf, endClient } from './connections.ts';
import { faultOf, readDatabase } from './database-check.ts';
import { Delivery, type DeliveryCounts } from './delivery.ts';
import { FeedError } from './feed-error.ts';
import { isAwaited, lockKeyOf, tryLock, waitUntilFree } from './holder-lock.ts';
import { FeedRecord } from './feed-record.ts';
import { LoggedTransaction } from './logged-transaction.ts';
import { lsnOf, type Lsn } from './lsn.ts';
import type { RelationTags } from './relation-tags.ts';
import { ReplicationStream } from './replication-stream.ts';
import { SilenceWatch } from './silence-watch.ts';
import { createSlot, dropUnreadSlot, openSlot, readSlot, slotNameOf, untilFreed, type SlotStart } from './slot.ts';
import { Snapshot } from './snapshot.ts';

export interface SessionParts {
  readonly connection: ClientConfig;
  readonly publication: string;
  readonly cache: Pick<Cache, 'namespace' | 'invalidate' | 'invalidateCommitted' | 'suspend' | 'data'>;
  /** Whether the slot belongs to this process alone, and ends with its session. */
  readonly isTemporary: boolean;
  /** Whether the slot could not be read, although it is there: it is replaced. */
  readonly isSlotBroken: boolean;
  readonly relations: RelationTags;
  readonly clock: Clock;
  readonly counts: DeliveryCounts;
  /** `reading`: after each delivery. */
  readonly onState: (state: 'waiting' | 'reading') => void;
  /** The slot that this store was fed from is no longer there, or the server has removed what it retained. */
  readonly onGone: (slot: string) => void;
}

/** The server asks for a sign of life every second. */
const silenceMsMax = 5_000;
const heldElsewhere = Symbol('another process reads the slot');
/** Why a session ended: the process that reads the slot invalidates in another store than this one. */
export const otherStore = Symbol('the slot is read for another store');

export class FeedSession {
  readonly #parts: SessionParts;
  readonly #control: Client;
  readonly #ended: Promise<unknown>;
  #end: (reason: unknown) => void = () => {};
  #stream: ReplicationStream | undefined;
  #delivery: Delivery | undefined;
  #transaction: LoggedTransaction | undefined;
  #silence: SilenceWatch | undefined;
  #walEnd: Lsn = 0n;
  #slot = '';
  #isBehind = false;
  #isClosed = false;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#control = new Client(connectionOf(parts.connection));
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    this.#control.on('error', this.#end);
    this.#control.on('end', () => this.#end(new Error('the connection has ended')));
  }

  /** The slot's name, once it is known. */
  get slot(): string {
    return this.#slot;
  }

  get lagMs(): number {
    return this.#delivery?.lagMs ?? 0;
  }

  /** Bytes of the log that are not invalidated yet. */
  get lagBytes(): number {
    const { acknowledgedLsn } = this.#delivery ?? {};
    return acknowledgedLsn === undefined ? 0 : Math.max(0, Number(this.#walEnd - acknowledgedLsn));
  }

  /** Runs until the session ends, and resolves with the reason. */
  async run(): Promise<unknown> {
    const { cache, isTemporary, publication, onState } = this.#parts;
    try {
      await this.#control.connect();
      await this.#control.query('set statement_timeout = 0; set idle_session_timeout = 0');
      const database = await readDatabase(this.#control, publication);
      const name = slotNameOf(cache.namespace, database.oid);
      this.#slot = isTemporary ? `${name}_${randomBytes(4).toString('hex')}` : name;
      const fault = faultOf(database, publication);
      if (fault !== undefined) {
        // Nothing will read what the server would retain for it.
        await dropUnreadSlot(this.#control, this.#slot).catch(() => {});
        return fault;
      }
      for (;;) {
        const reason = await Promise.race([this.#read(), this.#ended]);
        if (reason !== heldElsewhere || this.#isClosed) return reason;
        onState('waiting');
        const waiting = waitUntilFree(this.#control, lockKeyOf(this.#slot), () => this.#feedsOtherStore());
        if ((await Promise.race([waiting, this.#ended])) === 'given up') return otherStore;
      }
    } catch (error) {
      return error;
    } finally {
      await this.close();
    }
  }

  /** Whether nothing will read the slot when this process does not: the server then retains its log. */
  async isLast(): Promise<boolean> {
    if (this.#delivery === undefined || this.#parts.isTemporary) return false;
    const isUnknown = this.#pause(500).then(() => true);
    return !(await Promise.race([isAwaited(this.#control, lockKeyOf(this.#slot)).catch(() => true), isUnknown]));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#end(undefined);
    this.#delivery?.close();
    await this.#stream?.close();
    await endClient(this.#control);
  }

  /** Resolves with the reason why it reads no longer. */
  async #read(): Promise<unknown> {
    const { connection, publication } = this.#parts;
    const stream = new ReplicationStream({
      connection: connectionOf(connection),
      publication,
      slot: this.#slot,
      prepare: async (client) => this.#begin(await this.#openSlot(client)),
      onMessage: (message) => this.#onMessage(message),
      onKeepalive: (walEnd, isQuestion) => this.#onKeepalive(walEnd, isQuestion),
    });
    this.#stream = stream;
    await stream.started;
    const silence = new SilenceWatch(this.#parts.clock, silenceMsMax, () =>
      this.#end(new FeedError('SILENT', `the server has sent nothing for ${silenceMsMax} ms`)),
    );
    this.#silence = silence;
    const reason = await stream.ended;
    silence.close();
    this.#delivery?.close();
    this.#delivery = undefined;
    await stream.close();
    return reason;
  }

  /** Processes with the same namespace and database, but with stores of their own, would wait for each other's slot. */
  async #feedsOtherStore(): Promise<boolean> {
    const { confirmedLsn } = (await readSlot(this.#control, this.#slot)) ?? {};
    const wasBehind = this.#isBehind;
    this.#isBehind =
      confirmedLsn != null && (await new FeedRecord(this.#parts.cache.data, this.#slot).isBehind(lsnOf(confirmedLsn)));
    // Once may be a moment: a process that has lost the slot may still record what it had delivered.
    return wasBehind && this.#isBehind;
  }

  async #openSlot(client: Client): Promise<SlotStart> {
    if (this.#parts.isTemporary) return await createSlot(client, this.#slot, true);
    if (!(await tryLock(client, lockKeyOf(this.#slot)))) throw heldElsewhere;
    await untilFreed(client, this.#slot, (ms) => this.#pause(ms));
    return await openSlot(client, this.#slot, this.#parts.isSlotBroken);
  }

  async #begin({ lsn, isNew }: SlotStart): Promise<void> {
    const { cache, clock, counts, onGone, onState } = this.#parts;
    const record = new FeedRecord(cache.data, this.#slot);
    const delivery = new Delivery(lsn, {
      readSnapshot: () => this.#readSnapshot(),
      invalidate: (scope) => cache.invalidate(scope, { isFed: true }),
      acknowledge: async (until) => {
        // First the record: what is acknowledged and not recorded counts as missed.
        await record.write(until);
        this.#stream?.acknowledge(until);
        // What was under way when it ended may still be delivered.
        if (this.#delivery === delivery) onState('reading');
      },
      onUndelivered: (isUndelivered) => cache.suspend(this, isUndelivered),
      onAbandoned: () => void cache.invalidateCommitted('everything').catch(() => {}),
      onError: (error) => this.#end(error),
      clock,
      counts,
    });
    const recordedLsn = await record.read();
    if (isNew && recordedLsn !== undefined) onGone(this.#slot);
    if (isNew || recordedLsn === undefined || recordedLsn < lsn) await this.#invalidateEverything(delivery, lsn);
    this.#delivery = delivery;
    delivery.reach(lsn);
  }

  /**
   * Changes may have been missed: before the slot was there, or because they were invalidated in another store. A transaction whose
   * commit is in the log already, but not visible, will not be sent: a value that is loaded before it is visible is invalidated as
   * soon as it is.
   */
  async #invalidateEverything(delivery: Delivery, lsn: Lsn): Promise<void> {
    const everything = new ChangedTags();
    everything.addEverything();
    const tags = Promise.resolve(everything);
    const { running } = await this.#readSnapshot();
    delivery.add(lsn, { tags, isSeenBy: () => true });
    if (running.length > 0)
      delivery.add(lsn, { tags, isSeenBy: (snapshot) => running.every((xid) => snapshot.sees(xid)) });
  }

  async #readSnapshot(): Promise<Snapshot> {
    const { rows } = await this.#control.query<{ snapshot: string }>('select pg_current_snapshot()::text as snapshot');
    return new Snapshot(rows[0]?.snapshot ?? '');
  }

  #onMessage(message: Pgoutput.Message): void {
    this.#silence?.heard();
    if (message.tag === 'begin') this.#transaction = new LoggedTransaction(message);
    else if (message.tag === 'relation') void this.#parts.relations.of(message);
    else if (message.tag === 'commit') this.#commit(message);
    else this.#transaction?.note(message);
  }

  #commit({ commitEndLsn }: Pgoutput.MessageCommit): void {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction === undefined || commitEndLsn === null) return;
    const endLsn = lsnOf(commitEndLsn);
    if (endLsn > this.#walEnd) this.#walEnd = endLsn;
    const tags = transaction.tags(this.#parts.relations);
    tags.catch(() => {}); // the delivery reports it
    const isSeenBy = (snapshot: Snapshot): boolean => snapshot.sees(snapshot.fullXid(transaction.xid));
    this.#delivery?.add(endLsn, { tags, isSeenBy });
  }

  #onKeepalive(walEnd: Lsn, isQuestion: boolean): void {
    this.#silence?.heard();
    if (walEnd > this.#walEnd) this.#walEnd = walEnd;
    const delivery = this.#delivery;
    if (delivery === undefined) return;
    if (isQuestion) this.#stream?.acknowledge(delivery.acknowledgedLsn);
    if (this.#transaction === undefined) delivery.reach(walEnd);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}
