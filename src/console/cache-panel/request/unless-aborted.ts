/** Lets a caller stop waiting for what cannot be cancelled. */

/**
 * Resolves or rejects as `result` does, unless the signal is aborted first.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export async function unlessAborted<T>(result: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await result;
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { signal: settled.signal });
  });
  try {
    return await Promise.race([result, aborted]);
  } finally {
    settled.abort();
  }
}
