/**
 * Values that this process has read from the store, kept for later reads: no round trip, no parsing. Bounded in bytes; the
 * least recently used values are evicted first.
 *
 * A value is returned only while
 * - every change in the store up to half a second ago is known (`coherence.ts`),
 * - it is fresh, or stale where the fetch allows it, counted from when it was requested, so never longer than in the store,
 * - every token that it is stamped with is known to be current, and it carries every tag that the fetch requires.
 *
 * So no read returns a value that this process invalidated before the read began, nor one that another process invalidated
 * more than half a second before.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { Coherence } from './coherence.ts';
import { type TrackTokens } from '../store/token-tracking.ts';
import type { EmitEvent } from '../events/events.ts';
import type { ClassCodecs } from '../entry/class-codecs.ts';
import type { CachedEntry, EntryRef } from '../entry/entry.ts';
import type { Ticket } from './known-tokens.ts';
import { bytesOf, readShared, shareValue, type SharedValue } from '../entry/shared-value.ts';
import type { Store } from '../store/store.ts';
import { hasRequired } from '../tags/validity.ts';

interface MemoryEntry {
  readonly shared: SharedValue;
  readonly entryRef: EntryRef;
  /** The properties that it has; undefined if it is whole. */
  readonly only: ReadonlySet<string> | undefined;
  /** When it stops being fresh. */
  readonly freshUntilMs: number;
  /** The version of the known tokens for which the stamps were last found to be current. */
  checkedVersion: number;
}

/** Taken before the store is asked: what is known then, and the time. */
interface ReadTicket {
  readonly ticket: Ticket;
  readonly askedMs: number;
}

/** Returns undefined if its size is 0, or if the store does not report changes. */
export function createMemoryTier({ track }: Pick<Store, 'track'>, options: MemoryTierOptions): MemoryTier | undefined {
  return track === undefined || options.bytesMax === 0 ? undefined : new MemoryTier(track, options);
}

interface MemoryTierOptions {
  /** An eighth is reserved for tokens. A value larger than the rest is not kept. */
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  readonly codecs: ClassCodecs;
  /** Called with tags whose tokens have changed in the store, by this process or another one. */
  readonly onChanged: (tags: readonly string[]) => void;
}

/** The size of an entry besides its key, value and stamps. Measured, approximately. */
const overheadBytes = 260;

/** The state of the memory tier. */
export interface MemoryTierState {
  /** Whether it serves values. */
  readonly isCoherent: boolean;
  /** The time since the last received heartbeat was sent; Infinity until a connection has received one. */
  readonly heartbeatAgeMs: number;
  /** The approximate size in bytes. */
  readonly bytes: number;
}

export class MemoryTier implements MemoryTierState {
  readonly #coherence: Coherence;
  readonly #values: LRUCache<string, MemoryEntry>;
  readonly #clock: Clock;
  readonly #codecs: ClassCodecs;

  constructor(track: TrackTokens, { bytesMax, clock, emit, codecs, onChanged }: MemoryTierOptions) {
    const tokenBytesMax = Math.ceil(bytesMax / 8);
    this.#clock = clock;
    this.#codecs = codecs;
    this.#values = new LRUCache({ maxSize: Math.max(1, bytesMax - tokenBytesMax) });
    this.#coherence = new Coherence(track, {
      clock,
      emit,
      tokenBytesMax,
      onChanged,
      onReplaced: (key) => this.drop(key),
    });
  }

  get isCoherent(): boolean {
    return this.#coherence.isCoherent;
  }

  get heartbeatAgeMs(): number {
    return this.#coherence.heartbeatAgeMs;
  }

  /** @param nowMs The current time of the clock. */
  isCoherentAt(nowMs: number): boolean {
    return this.#coherence.isCoherentAt(nowMs);
  }

  get bytes(): number {
    return this.#values.calculatedSize + this.#coherence.known.bytes;
  }

  /**
   * The entry at `key`, fresh or stale, if it is valid for a fetch that requires these tags now. Its value is frozen, or a copy, and may
   * have some properties only.
   */
  get(key: string, tags: readonly string[], nowMs: number): CachedEntry | undefined {
    if (!this.isCoherentAt(nowMs)) return undefined;
    const memoryEntry = this.#validEntry(key);
    if (memoryEntry === undefined || !this.#isAlive(key, memoryEntry, nowMs)) return undefined;
    const { shared, entryRef, only, freshUntilMs } = memoryEntry;
    const { stamps, freshMs, staleMs, loadMs } = entryRef;
    if (!hasRequired(stamps, tags)) return undefined;
    const read = this.#read(key, shared);
    if (read === undefined) return undefined;
    const entry = { value: read.value, stamps, freshMs, staleMs, loadMs };
    return { entry, remainingMs: freshUntilMs - nowMs, entryRef, only };
  }

  /** The properties of the value at `key`; undefined if it is whole, or not there. */
  onlyOf(key: string): ReadonlySet<string> | undefined {
    return this.#values.peek(key)?.only;
  }

  /** How long an entry that was returned before stays fresh, if it is still valid. Only while the tier is coherent. */
  remainingMs(entryRef: EntryRef, nowMs: number): number | undefined {
    const memoryEntry = this.#validEntry(entryRef.key);
    if (memoryEntry?.entryRef !== entryRef || !this.#isAlive(entryRef.key, memoryEntry, nowMs)) return undefined;
    const remainingMs = memoryEntry.freshUntilMs - nowMs;
    return remainingMs > 0 ? remainingMs : undefined;
  }

  /** Taken before the store is asked, and passed to `keep` with the reply; undefined if the reply will not be kept. */
  ticket(): ReadTicket | undefined {
    const ticket = this.#coherence.known.ticket();
    return ticket === undefined ? undefined : { ticket, askedMs: this.#clock.nowMs() };
  }

  /** Keeps a valid entry of the store. Its value may be frozen. */
  keep({ ticket, askedMs }: ReadTicket, { entry: { value }, remainingMs, entryRef, only }: CachedEntry): void {
    const { known } = this.#coherence;
    const { key, stamps } = entryRef;
    known.learn(ticket, stamps);
    if (!known.isSameValue(ticket, key)) return;
    const shared = this.#shared(value);
    if (shared === undefined) return;
    const textBytes = (bytesOf(stamps) ?? 0) + (bytesOf([...(only ?? [])]) ?? 0) + 2 * key.length;
    const size = shared.bytes + textBytes + overheadBytes;
    const memoryEntry = { shared, entryRef, only, freshUntilMs: askedMs + remainingMs, checkedVersion: -1 };
    this.#values.set(key, memoryEntry, { size });
  }

  /** These tags are invalidated: values stamped with their tokens are not returned any more, nor those being read now. */
  forget(tags: readonly string[]): void {
    this.#coherence.known.forget(tags);
  }

  /** The store has a newer value of `key` than was read so far, or is being read now. */
  drop(key: string): void {
    this.#values.delete(key);
    this.#coherence.known.replaced(key);
  }

  /** Returns nothing until the store has answered again. */
  reset(): void {
    this.#coherence.reset();
  }

  close(): void {
    this.#coherence.close();
    this.#values.clear();
  }

  #validEntry(key: string): MemoryEntry | undefined {
    const memoryEntry = this.#values.get(key);
    const { known } = this.#coherence;
    if (memoryEntry === undefined || memoryEntry.checkedVersion === known.version) return memoryEntry;
    if (!known.areCurrent(memoryEntry.entryRef.stamps)) return undefined;
    memoryEntry.checkedVersion = known.version;
    return memoryEntry;
  }

  /** Undefined if a codec fails: the fetch asks the store. */
  #read(key: string, shared: SharedValue): { readonly value: unknown } | undefined {
    try {
      return { value: readShared(shared, this.#codecs) };
    } catch {
      this.#values.delete(key);
      return undefined;
    }
  }

  /** Undefined if a codec fails to encode what it has decoded: the value is not kept. */
  #shared(value: unknown): SharedValue | undefined {
    try {
      return shareValue(value, this.#codecs);
    } catch {
      return undefined;
    }
  }

  /** Whether it is fresh or stale, not longer. */
  #isAlive(key: string, { freshUntilMs, entryRef }: MemoryEntry, nowMs: number): boolean {
    if (nowMs < freshUntilMs + entryRef.staleMs) return true;
    this.#values.delete(key);
    return false;
  }
}
