/**
 * Handles what a function of the options returned. These functions must not be asynchronous: a promise is rejected with a
 * message, so nothing awaits it, and its rejection would end the process.
 */
export function unawaited<T>(result: T): T {
  if (result instanceof Promise) result.catch(() => {});
  return result;
}
