/**
 * The tokens that this process knows, kept up to date by being told which have changed.
 *
 * Where order matters: a token that is fetched while its tag is invalidated
 *   1. the fetch is sent,  2. the store reads token A for it,  3. the store deletes A, and tells so,
 *   4. this is heard: A is not known as yet, so there is nothing to forget,  5. the answer to the fetch is learnt.
 * A would be known for ever. Therefore who fetches takes a *ticket* before he sends, and of what he brings only that is
 * learnt which was not told to have changed since.
 */
import { LRUCache } from 'lru-cache';
import { internalMark, type Stamps } from '../tags/tags.ts';
import { isValid } from '../tags/validity.ts';

/** The number of changes that were known when a fetch was sent. */
export type Ticket = number;

/** Tags whose last change is remembered one by one: more than change while a fetch is under way. */
const changedMax = 1_000;
/** What a token costs beside its texts. Measured, roughly. */
const tokenOverheadBytes = 200;

export class KnownTokens {
  readonly #tokens: LRUCache<string, string>;
  #isLearning = false;
  #changes = 0;
  /** By tag, of those whose change came after the floor. */
  readonly #changedAt = new Map<string, Ticket>();
  /** All may have changed up to here. */
  #floor: Ticket = 0;

  constructor(bytesMax: number) {
    this.#tokens = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (token, tag) => token.length + 2 * tag.length + tokenOverheadBytes,
    });
  }

  /** Another one whenever a token may have changed: while it stays the same, what stood stands. */
  get version(): number {
    return this.#changes;
  }

  get bytes(): number {
    return this.#tokens.calculatedSize;
  }

  /** Nothing is known, and nothing is learnt until it is said. */
  newEpoch(): void {
    this.#isLearning = false;
    this.forgetAll();
  }

  learnFromNowOn(): void {
    this.#isLearning = true;
  }

  /** For a fetch that is about to be sent; undefined where nothing can be learnt from it. */
  ticket(): Ticket | undefined {
    return this.#isLearning ? this.#changes : undefined;
  }

  /** Takes over the tokens that a fetch has brought. */
  learn(ticket: Ticket, stamps: Stamps): void {
    for (const [tag, token] of Object.entries(stamps)) {
      if (tag.startsWith(internalMark) || !this.isUnchanged(ticket, tag)) continue;
      const before = this.#tokens.get(tag);
      if (before === token) continue;
      // The change is known sooner than it is told.
      if (before !== undefined) this.#changes += 1;
      this.#tokens.set(tag, token);
    }
  }

  /** Whether nothing was told of this tag since. */
  isUnchanged(ticket: Ticket, tag: string): boolean {
    return ticket >= (this.#changedAt.get(tag) ?? this.#floor);
  }

  /** Whether every stamp is known to be the current token of its tag. */
  areCurrent(stamps: Stamps): boolean {
    return isValid(stamps, (tag) => this.#tokens.get(tag));
  }

  forget(tags: readonly string[]): void {
    for (const tag of tags) {
      this.#changes += 1;
      this.#tokens.delete(tag);
      this.#changedAt.set(tag, this.#changes);
    }
    if (this.#changedAt.size > changedMax) this.#raiseFloor();
  }

  forgetAll(): void {
    this.#changes += 1;
    this.#tokens.clear();
    this.#raiseFloor();
  }

  #raiseFloor(): void {
    this.#changedAt.clear();
    this.#floor = this.#changes;
  }
}
