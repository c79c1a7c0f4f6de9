/** What no request waits for. It is caught, and waited for when the cache is closed. */
export class Background {
  readonly #tasks = new Set<Promise<void>>();

  run(task: Promise<unknown>): void {
    const running = this.#caught(task);
    this.#tasks.add(running);
    void running.finally(() => this.#tasks.delete(running));
  }

  /** Resolves when nothing runs any more, what is begun meanwhile included. */
  async drain(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #caught(task: Promise<unknown>): Promise<void> {
    try {
      await task;
    } catch {
      // Whoever could do something about it has heard of it from the store.
    }
  }
}
