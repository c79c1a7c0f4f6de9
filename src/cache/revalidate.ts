/**
 * Whether values that were read before would be given again. Who kept what he has made of them then needs neither to read
 * them nor to make it anew.
 *
 * It is decided as a read is: by the memory tier while that is proven, else by the store, which is asked for all of them in
 * one round trip.
 */
import type { Clock } from './base/clock.ts';
import type { EmitEvent } from './events/events.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { isStillValid, type EntryRef } from './entry/entry-ref.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import type { RequestStore } from './store/request-store.ts';
import type { Tier } from './events/events.ts';
import { endOfTick } from './base/tick.ts';

/** A value that would be given again. Its reader was answered at once, so this is all that there is to tell. */
export interface RevalidatedHit {
  readonly entryRef: EntryRef;
  readonly tier: Tier;
  readonly durationMs: number;
  /** For how long it has been stored. */
  readonly ageMs: number;
  /** For how long it is still fresh. */
  readonly ttlMs: number;
}

export interface RevalidatorParts {
  readonly tier: Tier;
  readonly memory: MemoryTier | undefined;
  readonly guarded: Pick<GuardedStore, 'request'>;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

export class Revalidator {
  readonly #parts: RevalidatorParts;
  /** What is asked in this turn of the event loop, and so not sent as yet: who asks for the same goes along. */
  #asking = new Map<readonly EntryRef[], Promise<Remaining>>();

  constructor(parts: RevalidatorParts) {
    this.#parts = parts;
  }

  /**
   * All of them, as hits that the listeners hear of; undefined where one would not be given. A promise where the store is asked.
   *
   * @param request What asks: where the store fails it here, its fetches leave it alone, too.
   */
  revalidate(
    held: readonly EntryRef[],
    request?: object,
  ): readonly RevalidatedHit[] | undefined | Promise<readonly RevalidatedHit[] | undefined> {
    // What a load is made of it must fetch, so that its value stands on that.
    if (LoadScope.current() !== undefined) return undefined;
    const { memory, clock } = this.#parts;
    const startedMs = clock.nowMs();
    if (memory?.isCoherentAt(startedMs) !== true) return this.#askStore(held, { startedMs, request });
    const remaining: number[] = [];
    for (const one of held) {
      const remainingMs = memory.remainingMs(one, startedMs);
      if (remainingMs === undefined) return undefined;
      remaining.push(remainingMs);
    }
    return this.#hits(held, remaining, { tier: 'memory', startedMs });
  }

  /** Who asks from now on goes along with nobody: the turn is over, or something was invalidated. */
  reset(): void {
    // Not cleared: a Map that is leaves its old table behind, and V8's scavenger may keep alive what hangs on that.
    this.#asking = new Map();
  }

  async #askStore(
    held: readonly EntryRef[],
    { startedMs, request }: { startedMs: number; request: object | undefined },
  ): Promise<readonly RevalidatedHit[] | undefined> {
    const store = this.#parts.guarded.request(request);
    if (this.#asking.size === 0) void endOfTick().then(() => this.reset());
    const asking = this.#asking.get(held) ?? remainingInStore(store, held);
    this.#asking.set(held, asking);
    const remaining = await asking;
    if (remaining === 'no-answer') store.bypass();
    return typeof remaining === 'string'
      ? undefined
      : this.#hits(held, remaining, { tier: this.#parts.tier, startedMs });
  }

  #hits(
    all: readonly EntryRef[],
    remaining: readonly number[],
    { tier, startedMs }: { tier: Tier; startedMs: number },
  ): readonly RevalidatedHit[] {
    const { clock, emit } = this.#parts;
    const durationMs = clock.nowMs() - startedMs;
    return all.map((held, index) => {
      const { key, field, freshMs, loadMs } = held;
      const ttlMs = remaining[index] ?? 0;
      const ageMs = Math.max(0, freshMs - ttlMs);
      emit({ type: 'hit', key, field, tier, durationMs, ageMs, loadMs });
      return { entryRef: held, tier, durationMs, ageMs, ttlMs };
    });
  }
}

/** What is left of each life; `changed`: one would not be given any more. */
type Remaining = readonly number[] | 'changed' | 'no-answer';

async function remainingInStore(store: RequestStore, all: readonly EntryRef[]): Promise<Remaining> {
  const tags = [...new Set(all.flatMap(({ stamps }) => Object.keys(stamps)))];
  const confirmation = await store.confirm(all, tags);
  if (confirmation === undefined) return 'no-answer';
  const tokens = new Map(tags.map((tag, index) => [tag, confirmation.tokens[index]]));
  const remaining: number[] = [];
  for (const [index, held] of all.entries()) {
    const remainingMs = confirmation.remainingMs[index];
    if (remainingMs === undefined || !isStillValid(held, remainingMs, (tag) => tokens.get(tag))) return 'changed';
    remaining.push(remainingMs);
  }
  return remaining;
}
