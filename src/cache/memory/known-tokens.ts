/**
 * The tokens that this process knows. The store reports which of them have changed.
 *
 * The order matters. A token that is read while its tag is invalidated:
 *   1. the read is sent,  2. the store reads token A for it,  3. the store deletes A and reports that,
 *   4. the report arrives; A is not known yet, so there is nothing to forget,  5. the reply arrives, and A is learned.
 * A would be kept forever. So a reader takes a *ticket* before it sends its request, and a token from the reply is learned only
 * if no change of it has been reported since.
 */
import { LRUCache } from 'lru-cache';
import { internalMark, type Stamps } from '../tags/tags.ts';
import { isValid } from '../tags/validity.ts';

/** The number of changes that were known when a read was sent. */
export type Ticket = number;

/** How many tags' last changes are remembered individually: more than change while a read is under way. */
const changedMax = 1_000;
/** The size of a token besides its texts. Measured, approximately. */
const tokenOverheadBytes = 200;

export class KnownTokens {
  readonly #tokens: LRUCache<string, string>;
  #isLearning = false;
  #version = 0;
  /** The number of reported changes, of tokens and of values. */
  #changes = 0;
  /** By tag, and by `internalMark` and key, for changes that are newer than the floor. */
  readonly #changedAt = new Map<string, Ticket>();
  /** Every tag may have changed up to this ticket. */
  #floor: Ticket = 0;

  constructor(bytesMax: number) {
    this.#tokens = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: (token, tag) => token.length + 2 * tag.length + tokenOverheadBytes,
    });
  }

  /** Changes whenever a token may have changed: while it is the same, valid stamps stay valid. */
  get version(): number {
    return this.#version;
  }

  get bytes(): number {
    return this.#tokens.calculatedSize;
  }

  /** Forgets everything, and learns nothing until `learnFromNowOn`. */
  newEpoch(): void {
    this.#isLearning = false;
    this.forgetAll();
  }

  learnFromNowOn(): void {
    this.#isLearning = true;
  }

  /** For a read that is about to be sent; undefined if nothing can be learned from it. */
  ticket(): Ticket | undefined {
    return this.#isLearning ? this.#changes : undefined;
  }

  /** Takes over the tokens of a reply. */
  learn(ticket: Ticket, stamps: Stamps): void {
    for (const [tag, token] of Object.entries(stamps)) {
      if (tag.startsWith(internalMark) || !this.isUnchanged(ticket, tag)) continue;
      const before = this.#tokens.get(tag);
      if (before === token) continue;
      // The reply arrived before the report of the change.
      if (before !== undefined) this.#version += 1;
      this.#tokens.set(tag, token);
    }
  }

  /** Whether no change of this tag was reported since. */
  isUnchanged(ticket: Ticket, tag: string): boolean {
    return ticket >= (this.#changedAt.get(tag) ?? this.#floor);
  }

  /** Whether every stamp is known to be the current token of its tag. */
  areCurrent(stamps: Stamps): boolean {
    return isValid(stamps, (tag) => this.#tokens.get(tag));
  }

  forget(tags: readonly string[]): void {
    this.#version += 1;
    for (const tag of tags) {
      this.#tokens.delete(tag);
      this.#changed(tag);
    }
  }

  /** The store has another value at `key`: one that is being read now may be the older one. */
  replaced(key: string): void {
    this.#changed(internalMark + key);
  }

  /** Whether no other value at `key` was reported since. */
  isSameValue(ticket: Ticket, key: string): boolean {
    return this.isUnchanged(ticket, internalMark + key);
  }

  forgetAll(): void {
    this.#version += 1;
    this.#changes += 1;
    this.#tokens.clear();
    this.#raiseFloor();
  }

  #changed(name: string): void {
    this.#changes += 1;
    this.#changedAt.set(name, this.#changes);
    if (this.#changedAt.size > changedMax) this.#raiseFloor();
  }

  #raiseFloor(): void {
    this.#changedAt.clear();
    this.#floor = this.#changes;
  }
}
