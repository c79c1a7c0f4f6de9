/** What no request waits for. It is caught, and waited for when the cache is closed. */
export class Background {
  readonly #tasks = new Set<Promise<void>>();

  run(task: Promise<unknown>): void {
    const done = task.then(
      () => {},
      () => {}, // whoever could do something about it has heard of it from the store
    );
    this.#tasks.add(done);
    void done.then(() => this.#tasks.delete(done));
  }

  /** Resolves when nothing runs any more, what is begun meanwhile included. */
  async drain(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
