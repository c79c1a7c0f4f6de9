/**
 * Refill on write: a value whose policy has `refill`, and that was read here in the last minute, is loaded again as soon as one of
 * its tags is invalidated, by this process or, where there is a memory tier, by another one. The next request gets a hit, or joins
 * that load.
 *
 * It is an ordinary fetch that no request waits for: under the lease, so that one process loads for all, and under stamps that are
 * captured after the invalidation. A flush, which is not a change, is not followed by refills.
 */
import type { Background } from './base/background.ts';
import { endOfTick, type Clock } from './base/clock.ts';
import type { EmitEvent } from './events/events.ts';
import type { FetchRequest } from './fetch.ts';
import type { Answer } from './outcome.ts';
import { everythingTag, type Stamps } from './tags/tags.ts';

/** How long ago a value may have been read. */
const readMsMax = 60_000;
/** The number of values of which it is known how to load them again. */
const keysMax = 1_000;
/** The number of refills that run at once: the others wait. */
const atOnceMax = 4;

interface RefillsParts {
  /** Answers a fetch that belongs to no request. */
  readonly answer: (request: FetchRequest) => Answer | Promise<Answer>;
  readonly background: Background;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** A value that was read, and how to fetch it again. */
interface Read {
  readonly request: FetchRequest;
  readonly stamps: Stamps;
  readonly readMs: number;
}

export class Refills {
  readonly #parts: RefillsParts;
  /** By key, the one that was not read for longest first. */
  readonly #reads = new Map<string, Read>();
  readonly #waiting = new Set<string>();
  readonly #running = new Set<string>();

  constructor(parts: RefillsParts) {
    this.#parts = parts;
  }

  /**
   * @param request How to fetch the value again; its `load` does not need the request that has read it.
   * @param stamps Undefined if the value is not stored.
   */
  read(request: FetchRequest, stamps: Stamps | undefined): void {
    if (stamps === undefined) return;
    const readMs = this.#parts.clock.nowMs();
    const key = request.key.text;
    this.#reads.delete(key);
    this.#reads.set(key, { request, stamps, readMs });
    for (const [oldKey, oldest] of this.#reads) {
      if (this.#reads.size <= keysMax && this.#isRecent(oldest)) return;
      this.#reads.delete(oldKey);
    }
  }

  /** The value at `key`, as it was read before, was returned again. */
  readAgain(key: string): void {
    const known = this.#reads.get(key);
    if (known !== undefined) this.read(known.request, known.stamps);
  }

  /** The tokens of these tags have changed. */
  changed(tags: readonly string[]): void {
    if (this.#reads.size === 0) return;
    if (tags.includes(everythingTag)) return this.clear();
    for (const [key, read] of this.#reads) if (this.#isAffected(read, tags)) this.#waiting.add(key);
    this.#runWaiting();
  }

  /** Forgets what was read. */
  clear(): void {
    this.#reads.clear();
    this.#waiting.clear();
  }

  /** If its parent has changed too, the new value will depend on the new parent, which the next request loads. */
  #isAffected(read: Read, tags: readonly string[]): boolean {
    const { request, stamps } = read;
    const isOf = (own: Stamps): boolean => tags.some((tag) => Object.hasOwn(own, tag));
    return this.#isRecent(read) && isOf(stamps) && !isOf(request.dependsOn?.stamps ?? {});
  }

  #isRecent({ readMs }: Read): boolean {
    return this.#parts.clock.nowMs() - readMs <= readMsMax;
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
    const { request } = this.#reads.get(key) ?? {};
    if (request === undefined) return;
    this.#running.add(key);
    void this.#parts.background.start(async () => {
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

  async #refill(request: FetchRequest): Promise<void> {
    const { answer, emit } = this.#parts;
    const { text, field } = request.key;
    const own = { ...request, mode: 'use', request: undefined, isAborted: () => false } as const;
    const { state, stamps } = await answer(own);
    if (state === 'miss') emit({ type: 'refill', key: text, field });
    const latest = this.#reads.get(text);
    // The time of the last read stays as it is.
    if (latest !== undefined && stamps !== undefined) this.#reads.set(text, { ...latest, stamps });
  }
}
