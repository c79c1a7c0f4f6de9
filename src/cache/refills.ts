/**
 * Refill on write: a value whose policy has `refill`, and that was read here in the last minute, is loaded again as soon as one of
 * its tags is invalidated, by this process or, where there is a memory tier, by another one. The next request gets a hit, or joins
 * that load.
 *
 * It is an ordinary fetch that no request waits for: under the lease, so that one process loads for all, and under stamps that are
 * captured after the invalidation. A token that was only created is noticed like one that has changed; the fetch then finds the value
 * valid. A flush, which is not a change, is not followed by refills.
 */
import type { Background } from './base/background.ts';
import { endOfTick, type Clock } from './base/clock.ts';
import type { EmitEvent } from './events/events.ts';
import type { FetchRequest, RefreshRequest } from './fetch.ts';
import type { Answer } from './outcome.ts';
import type { RecentRead, RecentReads } from './recent-reads.ts';
import { everythingTag, type Stamps } from './tags/tags.ts';

/** The number of refills that run at once: the others wait. */
const atOnceMax = 4;

interface RefillsParts {
  readonly reads: RecentReads;
  /** Answers a fetch that belongs to no request. */
  readonly answer: (request: FetchRequest) => Answer | Promise<Answer>;
  readonly background: Background;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

export class Refills {
  readonly #parts: RefillsParts;
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();

  constructor(parts: RefillsParts) {
    this.#parts = parts;
  }

  /** The tokens of these tags have changed. */
  changed(tags: readonly string[]): void {
    const { reads } = this.#parts;
    if (reads.size === 0) return;
    if (tags.includes(everythingTag)) return this.clear();
    for (const [key, read] of reads) if (isAffected(read, tags)) this.#waiting.add(key);
    this.#runWaiting();
  }

  /** Forgets what was read. */
  clear(): void {
    this.#parts.reads.clear();
    this.#waiting.clear();
  }

  #runWaiting(): void {
    for (const key of this.#waiting) {
      if (this.#running.size >= atOnceMax) return;
      // A value that changes again while it is loaded is loaded once more, afterwards.
      if (!this.#running.has(key)) this.#run(key);
    }
  }

  #run(key: string): void {
    this.#waiting.delete(key);
    const { request } = this.#parts.reads.get(key) ?? {};
    if (request === undefined) return;
    this.#running.add(key);
    this.#parts.background.start(async () => {
      try {
        // All invalidations of this tick, and what else follows from them, come first.
        await endOfTick();
        await this.#refill(request);
      } finally {
        this.#running.delete(key);
        this.#runWaiting();
      }
    });
  }

  async #refill(request: RefreshRequest): Promise<void> {
    const { reads, answer, emit } = this.#parts;
    const { text: key, field } = request.key;
    const own = { ...request, load: request.reload, mode: 'use', request: undefined, isAborted: () => false } as const;
    try {
      const { state, stamps } = await answer(own);
      if (state === 'miss') emit({ type: 'refill', key, field });
      if (stamps !== undefined) reads.replaced(key, stamps);
    } catch (error) {
      emit({ type: 'background-failed', key, field, error });
    }
  }
}

/** Not if its parent has changed too: the new value will depend on the new parent, which the next request loads. */
function isAffected({ request, stamps }: RecentRead, tags: readonly string[]): boolean {
  const isOf = (own: Stamps): boolean => tags.some((tag) => Object.hasOwn(own, tag));
  return request.policy.isRefilled === true && isOf(stamps) && !isOf(request.dependsOn?.stamps ?? {});
}
