/**
 * `await` for thenables whose work starts when `then` is called, as queries of Knex, Drizzle, Prisma and Mongoose do.
 *
 * `await` itself calls the first `then` in its own context. But when a thenable resolves with another one, Node.js 24 calls
 * the second `then` in the context of the code that resolved the first, such as a connection's callback. Here each `then` is
 * called from the same async function, so it runs in the context of the caller.
 */

/**
 * Calls `work` and awaits what it returns, all in the caller's context. The `then` of each thenable is read once and called
 * once.
 */
export async function awaitInContext<T>(work: () => T | PromiseLike<T>): Promise<T> {
  let value: unknown = work();
  for (let then = thenOf(value); then !== undefined; then = thenOf(value)) {
    ({ value } = await resolutionOf(value, then));
  }
  // Every thenable has been unwrapped, as `await` does it.
  return value as T;
}

/** Whether `await` would call this value's `then`. */
export function isThenable(value: unknown): boolean {
  return thenOf(value) !== undefined;
}

function thenOf(value: unknown): Function | undefined {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined;
  const { then } = value as { then?: unknown };
  return typeof then === 'function' ? then : undefined;
}

/** What one thenable resolves with, in a box: a promise that resolved with another thenable would call its `then`. */
function resolutionOf(thenable: unknown, then: Function): Promise<{ value: unknown }> {
  return new Promise((resolve, reject) => {
    Reflect.apply(then, thenable, [(value: unknown) => resolve({ value }), reject]);
  });
}
