/**
 * Refill on write: a value whose policy has `refill`, and that was read here in the last minute, is loaded again as soon as one of
 * its tags is invalidated, by this process or, where there is a memory tier, by another one. The next request gets a hit, or waits
 * for a load that runs already.
 *
 * The load captures its stamps after the invalidation. A token that was only created is noticed like one that has changed; a valid
 * value is then found, and nothing is loaded. A flush, which is not a change, is not followed by refills.
 */
import type { BackgroundLoads, StoredValue } from './background-loads.ts';
import { endOfTick } from './base/clock.ts';
import type { EmitEvent } from './events/events.ts';
import type { RecentRead, RecentReads } from './recent-reads.ts';
import { everythingTag, type Stamps } from './tags/tags.ts';

/** The number of refills that run at once: the others wait. */
const atOnceMax = 4;

interface RefillsParts {
  readonly reads: RecentReads;
  readonly loads: Pick<BackgroundLoads, 'begin' | 'isRunning'>;
  readonly emit: EmitEvent;
}

export class Refills {
  readonly #parts: RefillsParts;
  /** The keys of recent reads that have been invalidated. */
  readonly #waiting = new Set<string>();
  #running = 0;
  #isDue = false;

  constructor(parts: RefillsParts) {
    this.#parts = parts;
  }

  /** The tokens of these tags have changed. */
  changed(tags: readonly string[]): void {
    const { reads } = this.#parts;
    if (reads.size === 0) return;
    if (tags.includes(everythingTag)) return this.clear();
    const changed = new Set(tags);
    const isOf = (stamps: Stamps): boolean => Object.keys(stamps).some((tag) => changed.has(tag));
    for (const [key, { request, stamps }] of reads) {
      // The new value will depend on the new parent, which the next request loads.
      if (isOf(request.dependsOn?.stamps ?? {})) reads.forget(key);
      else if (isOf(stamps)) this.#waiting.add(key);
    }
    if (this.#waiting.size > 0 && !this.#isDue) void this.#runAtEndOfTick();
  }

  /** All invalidations of this tick, and what else follows from them, come first. */
  async #runAtEndOfTick(): Promise<void> {
    this.#isDue = true;
    await endOfTick();
    this.#isDue = false;
    this.runWaiting();
  }

  /** Forgets what was read. */
  clear(): void {
    this.#parts.reads.clear();
    this.#waiting.clear();
  }

  /** Begins refills that have waited: for others, or for a refresh of their key. */
  runWaiting(): void {
    const { reads, loads } = this.#parts;
    for (const key of this.#waiting) {
      if (this.#running >= atOnceMax) return;
      // A value that changes again while it is loaded is loaded once more, afterwards.
      if (loads.isRunning(key)) continue;
      this.#waiting.delete(key);
      const read = reads.get(key);
      if (read !== undefined) this.#run(read);
    }
  }

  #run({ request }: RecentRead): void {
    const { reads, loads, emit } = this.#parts;
    const { text: key, field } = request.key;
    this.#running += 1;
    const onStored = (stored: StoredValue | undefined): void => {
      this.#running -= 1;
      if (stored === undefined) return;
      reads.replaced(key, stored.stamps);
      if (stored.isLoaded) emit({ type: 'refill', key, field });
    };
    loads.begin(request, { replacedEntryId: undefined, onStored });
  }
}
