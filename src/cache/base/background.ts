import { AsyncResource } from 'node:async_hooks';

/** The asynchronous context in which this module was loaded: that of no request. */
const outside = new AsyncResource('cachepot');

/** Work that no request waits for. Its errors are caught, and `drain` waits for it when the cache is closed. */
export class Background {
  readonly #tasks = new Set<Promise<void>>();

  /** Tracks work that has begun. */
  run(task: Promise<unknown>): void {
    const running = this.#caught(task);
    this.#tasks.add(running);
    void running.finally(() => this.#tasks.delete(running));
  }

  /** Runs `work` so that it sees nothing that `AsyncLocalStorage` holds for the request that causes it. */
  start(work: () => Promise<unknown>): void {
    this.run(outside.runInAsyncScope(work));
  }

  /** Resolves when nothing runs any more, including work that was started meanwhile. */
  async drain(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async #caught(task: Promise<unknown>): Promise<void> {
    try {
      await task;
    } catch {
      // What began the work has already reported the fault as an event.
    }
  }
}
