/** A value for all the code that a piece of work runs, however much of that runs later. */
import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * As `AsyncLocalStorage`, which up to Node.js 22 makes every callback and promise of the process dearer while one is in
 * use: a request of plain `node:http` by a tenth. So it is in use only while some work runs in it.
 */
export class AsyncContext<T> {
  readonly #storage = new AsyncLocalStorage<T>();
  #running = 0;

  /** The value that this code runs with; undefined outside of all work. */
  get(): T | undefined {
    return this.#storage.getStore();
  }

  /** Runs `work` with `value`. What it begins and does not wait for may find itself without. */
  async run<Result>(value: T, work: () => Result | Promise<Result>): Promise<Result> {
    this.#running += 1;
    try {
      return await this.#storage.run(value, work);
    } finally {
      this.#ended();
    }
  }

  /** The same for work that has ended when it returns. */
  runSync<Result>(value: T, work: () => Result): Result {
    this.#running += 1;
    try {
      return this.#storage.run(value, work);
    } finally {
      this.#ended();
    }
  }

  /** Runs `work` without a value. */
  exit<Result>(work: () => Result): Result {
    return this.#storage.exit(work);
  }

  #ended(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#storage.disable();
  }
}
