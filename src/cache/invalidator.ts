/** Invalidates: first in the store, then everything in this process that was derived from the old tokens. */
import type { Background } from './base/background.ts';
import type { EmitEvent } from './events/events.ts';
import type { InFlightLoads } from './in-flight.ts';
import type { Leases } from './lease.ts';
import type { MemoryTier } from './memory/memory-tier.ts';
import type { InvalidationScope } from './pending-invalidations.ts';
import type { Refills } from './refills.ts';
import type { Revalidator } from './revalidate.ts';
import type { GuardedStore } from './store/guarded-store.ts';
import { everythingTag, tagsToDrop } from './tags/tags.ts';
import { traced, type Tracing } from './tracing.ts';

interface InvalidatorParts {
  readonly guarded: Pick<GuardedStore, 'dropTokens'>;
  readonly background: Background;
  readonly leases: Leases;
  readonly memory: MemoryTier | undefined;
  readonly loads: Pick<InFlightLoads<unknown>, 'forget'>;
  readonly revalidator: Revalidator;
  readonly refills: Refills;
  readonly emit: EmitEvent;
  readonly tracing: Tracing | undefined;
}

export class Invalidator {
  readonly #parts: InvalidatorParts;

  constructor(parts: InvalidatorParts) {
    this.#parts = parts;
  }

  /** @throws {CacheError} `STORE_UNAVAILABLE` if it is not known whether the store has done it. */
  readonly invalidate = async (scope: InvalidationScope, isFed = false): Promise<void> => {
    const tags = scope === 'everything' ? [everythingTag] : tagsToDrop(scope);
    const named = scope === 'everything' ? tags : scope;
    await this.#trace(named.length, () => this.#drop(tags));
    this.#parts.emit({ type: 'invalidate', tags: named, ...(isFed && { isFed }) });
    this.#parts.refills.changed(tags);
  };

  /** The same for every value, for a flush, which has an event of its own. */
  async dropAll(): Promise<void> {
    await this.#trace(1, () => this.#drop([everythingTag]));
    this.#parts.emit({ type: 'flush-began' });
    this.#parts.refills.changed([everythingTag]);
  }

  #trace(tagCount: number, drop: () => Promise<void>): Promise<void> {
    return traced(this.#parts.tracing, { operation: { type: 'invalidate', tagCount } }, drop);
  }

  async #drop(tags: readonly string[]): Promise<void> {
    const { guarded, background, leases, memory, loads, revalidator } = this.#parts;
    try {
      await guarded.dropTokens(tags);
    } catch (error) {
      // The tokens may be unchanged. Without their leases, the running loads are not stored under them.
      background.run(leases.endAll());
      throw error;
    } finally {
      memory?.forget(tags);
      loads.forget(tags);
      revalidator.reset();
    }
  }
}
