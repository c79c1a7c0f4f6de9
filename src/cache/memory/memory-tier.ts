/**
 * The values that this process has read from the store, for those who read them next: no round trip, no parsing. Bounded in
 * bytes; what was used least recently goes first.
 *
 * A value is given only while
 * - it is proven that all is known which has changed up to half a second ago (`coherence.ts`),
 * - it has not ended, counted from when it was asked for, so never later than in the store,
 * - every token that it is stamped with is known to be that of its tag, and every tag that is asked for is among them.
 *
 * So where this process has invalidated a tag, nothing older is read after that; where another one has, nothing that was
 * made void more than half a second before the read began.
 */
import { LRUCache } from 'lru-cache';
import type { Clock } from '../base/clock.ts';
import { Coherence } from './coherence.ts';
import { type TrackTokens } from '../store/token-tracking.ts';
import type { EmitEvent } from '../events/events.ts';
import type { EntryRef } from '../entry/entry-ref.ts';
import type { Ticket } from './known-tokens.ts';
import type { CachedEntry } from '../entry/entry-ref.ts';
import { bytesOf, readShared, shareValue, type SharedValue } from '../entry/shared-value.ts';
import type { Store } from '../store/store.ts';
import { internalMark } from '../tags/tags.ts';

interface Kept {
  readonly shared: SharedValue;
  readonly held: EntryRef;
  readonly endsAtMs: number;
  /** The version of the known tokens at which the stamps were last seen to stand. */
  stoodAt: number;
}

/** For what the store is about to be asked: what was known then, and when that was. */
export interface TimedTicket {
  readonly ticket: Ticket;
  readonly askedMs: number;
}

/** None where it would have no bytes, or where the store does not tell what changes. */
export function createMemoryTier({ track }: Pick<Store, 'track'>, options: MemoryTierOptions): MemoryTier | undefined {
  return track === undefined || options.bytesMax === 0 ? undefined : new MemoryTier(track, options);
}

export interface MemoryTierOptions {
  /** An eighth is for tokens; a value larger than the rest is not kept. */
  readonly bytesMax: number;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** What an entry costs beside key, value and stamps. Measured, roughly. */
const overheadBytes = 260;

export class MemoryTier {
  readonly #coherence: Coherence;
  readonly #values: LRUCache<string, Kept>;
  readonly #clock: Clock;

  constructor(track: TrackTokens, { bytesMax, clock, emit }: MemoryTierOptions) {
    const tokenBytesMax = Math.ceil(bytesMax / 8);
    this.#clock = clock;
    this.#values = new LRUCache({ maxSize: Math.max(1, bytesMax - tokenBytesMax) });
    this.#coherence = new Coherence(track, { clock, emit, tokenBytesMax, onReplaced: (key) => this.drop(key) });
  }

  get isCoherent(): boolean {
    return this.#coherence.isCoherent;
  }

  /** @param nowMs What the clock says. */
  isCoherentAt(nowMs: number): boolean {
    return this.#coherence.isCoherentAt(nowMs);
  }

  /** About how many bytes are used. */
  get bytes(): number {
    return this.#values.calculatedSize + this.#coherence.known.bytes;
  }

  /** The entry at `key`, where it may be given to someone who asks for these tags now. Its value is frozen, or a copy. */
  get(key: string, tags: readonly string[], nowMs: number): CachedEntry | undefined {
    if (!this.isCoherentAt(nowMs)) return undefined;
    const kept = this.#standing(key);
    const remainingMs = kept && this.#remainingMs(key, kept, nowMs);
    if (kept === undefined || remainingMs === undefined) return undefined;
    const { shared, held } = kept;
    const { stamps, freshMs, loadMs } = held;
    if (!tags.every((tag) => Object.hasOwn(stamps, tag))) return undefined;
    return { entry: { value: readShared(shared), stamps, freshMs, loadMs }, remainingMs, entryRef: held };
  }

  /** While this is proven: what is left at `nowMs` of the life of what was given before, where it would be given again. */
  remainingMs(held: EntryRef, nowMs: number): number | undefined {
    const kept = this.#standing(held.key);
    return kept?.held === held ? this.#remainingMs(held.key, kept, nowMs) : undefined;
  }

  /** Taken before the store is asked, for what it answers; undefined where that will not be kept. */
  ticket(): TimedTicket | undefined {
    const ticket = this.#coherence.known.ticket();
    return ticket === undefined ? undefined : { ticket, askedMs: this.#clock.nowMs() };
  }

  /** Keeps an entry of the store whose stamps stood when it was read. Its value may be frozen by this. */
  keep({ ticket, askedMs }: TimedTicket, { entry: { value }, remainingMs, entryRef: held }: CachedEntry): void {
    const { known } = this.#coherence;
    const { key, stamps } = held;
    known.learn(ticket, stamps);
    if (!known.isUnchanged(ticket, internalMark + key)) return;
    const shared = shareValue(value);
    const size = shared.bytes + (bytesOf(stamps) ?? 0) + 2 * key.length + overheadBytes;
    this.#values.set(key, { shared, held, endsAtMs: askedMs + remainingMs, stoodAt: -1 }, { size });
  }

  /** These tags are invalidated: what is stamped with their tokens is not given any more, nor what is being fetched now. */
  forget(tags: readonly string[]): void {
    this.#coherence.known.forget(tags);
  }

  /** There is a newer value of `key` in the store than was read so far, or is being read now. */
  drop(key: string): void {
    this.#values.delete(key);
    this.#coherence.known.forget([internalMark + key]);
  }

  /** Nothing is given before the store has answered again. */
  reset(): void {
    this.#coherence.reset();
  }

  close(): void {
    this.#coherence.close();
    this.#values.clear();
  }

  #standing(key: string): Kept | undefined {
    const kept = this.#values.get(key);
    const { known } = this.#coherence;
    if (kept === undefined || kept.stoodAt === known.version) return kept;
    if (!known.areCurrent(kept.held.stamps)) return undefined;
    kept.stoodAt = known.version;
    return kept;
  }

  /** Undefined where it has ended. */
  #remainingMs(key: string, { endsAtMs }: Kept, nowMs: number): number | undefined {
    const remainingMs = endsAtMs - nowMs;
    if (remainingMs > 0) return remainingMs;
    this.#values.delete(key);
    return undefined;
  }
}
