/**
 * Draws at random the hits that are checked in the background (`shadow-checks.ts`): for each field, the share that its policy sets.
 *
 * The hits of a cached response are drawn too. If one of them is, the response is executed, because a check needs a request with its
 * context; the hit that follows from that is then checked without a second draw.
 */
import { LRUCache } from 'lru-cache';
import type { EntryRef } from './entry/entry.ts';
import type { RefreshRequest } from './fetch.ts';
import type { ShadowChecks } from './shadow-checks.ts';

/** More than any schema has. Programs that call `cache.key` themselves may generate the names of fields. */
const fieldsMax = 10_000;
/** The maximum number of keys that are drawn, and whose response has not been executed yet. */
const keysMax = 1_000;

interface ShadowDrawsParts {
  readonly checks: Pick<ShadowChecks, 'begin' | 'canBegin'>;
  /** Returns 0…1. */
  readonly random: () => number;
}

export class ShadowDraws {
  readonly #parts: ShadowDrawsParts;
  /** By field, for those with a share: the one in the policy of its last hit. */
  readonly #shares = new LRUCache<string, number>({ max: fieldsMax });
  readonly #drawn = new LRUCache<string, true>({ max: keysMax });

  constructor(parts: ShadowDrawsParts) {
    this.#parts = parts;
  }

  /** Called for each fresh hit under a policy with `shadow`. */
  onHit(request: RefreshRequest, entryRef: EntryRef, share: number): void {
    const { text: key, field } = request.key;
    if (this.#shares.get(field) !== share) this.#shares.set(field, share);
    if (this.#drawn.delete(key) || this.#isDrawn(share)) this.#parts.checks.begin(request, entryRef);
  }

  /** Whether one of the entries of a cached response is drawn, and can be checked now. */
  isAnyDrawn(entryRefs: readonly EntryRef[]): boolean {
    if (this.#shares.size === 0) return false;
    let isAny = false;
    for (const { key, field } of entryRefs) {
      const share = this.#shares.get(field);
      if (share === undefined || !this.#isDrawn(share) || !this.#parts.checks.canBegin(key, field)) continue;
      this.#drawn.set(key, true);
      isAny = true;
    }
    return isAny;
  }

  #isDrawn(share: number): boolean {
    return this.#parts.random() <= share;
  }
}
