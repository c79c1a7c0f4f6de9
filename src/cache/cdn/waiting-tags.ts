/** Tags that wait for a purge, in the order in which they were added. */

/** Of one kind. Without a limit, a CDN that is away, or slower than the invalidations, would fill the memory. */
export const waitingTagsMax = 10_000;

export class WaitingTags {
  readonly #everything: string;
  readonly #tags = new Set<string>();

  /** @param everything The tag that takes the place of too many. */
  constructor(everything: string) {
    this.#everything = everything;
  }

  get size(): number {
    return this.#tags.size;
  }

  add(tags: Iterable<string>): void {
    for (const tag of tags) this.#tags.add(tag);
    if (this.#tags.size <= waitingTagsMax) return;
    this.#tags.clear();
    this.#tags.add(this.#everything);
  }

  /** @returns Those that were here. */
  delete(tags: readonly string[]): readonly string[] {
    return tags.filter((tag) => this.#tags.delete(tag));
  }

  /** Removes the first ones. */
  take(countMax: number): readonly string[] {
    const taken = [...this.#tags].slice(0, countMax);
    this.delete(taken);
    return taken;
  }
}
