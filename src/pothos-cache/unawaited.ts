/**
 * What a function of the options returned. They must not be asynchronous: their results are rejected with a message, so
 * nobody awaits a promise among them, and its rejection would end the process.
 */
export function unawaited<T>(result: T): T {
  if (result instanceof Promise) result.catch(() => {});
  return result;
}
