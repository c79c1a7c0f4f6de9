/** Passes a value to all code that some work runs, including its callbacks and promises. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { awaitInContext } from './await-in-context.ts';

export { awaitInContext, isThenable } from './await-in-context.ts';

/**
 * An `AsyncLocalStorage` that is enabled only while some work runs in it: up to Node.js 22, one that is enabled makes every callback and
 * promise of the process more expensive, a request of plain `node:http` by a tenth.
 */
export class AsyncContext<T> {
  readonly #storage = new AsyncLocalStorage<T>();
  #running = 0;

  /** The value that this code runs with; undefined outside of all work. */
  get(): T | undefined {
    return this.#storage.getStore();
  }

  /**
   * Runs `work` with `value`. The work ends when what it returns has settled. A thenable that it returns, such as a query that starts
   * when its `then` is called, is part of the work. What the work starts without waiting for it may run without the value.
   */
  async run<Result>(value: T, work: () => Result | Promise<Result>): Promise<Result> {
    this.#running += 1;
    try {
      return await this.#storage.run(value, () => awaitInContext(work));
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

  /** Runs `work` without a value. A thenable that it returns is not part of the work: wrap it in `awaitInContext`. */
  exit<Result>(work: () => Result): Result {
    return this.#storage.exit(work);
  }

  #ended(): void {
    this.#running -= 1;
    if (this.#running === 0) this.#storage.disable();
  }
}
