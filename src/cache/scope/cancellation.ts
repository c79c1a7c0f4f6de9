/**
 * Decides whether a load failed because the request that began it was aborted. The other requests that wait for the load have
 * not caused that failure, so one of them loads again.
 *
 * How a cancellation is reported depends on what was cancelled: `fetch` rejects with the signal's reason, which may be
 * anything, axios with an error of its own, PostgreSQL with SQLSTATE 57014, and libraries wrap all of these. So the request is
 * asked first. An error that names itself a cancellation counts too, because a resolver may use a signal of its own; but that
 * is only a claim. A resolver that aborts its call after a second fails that way each time, and forty requests that load one
 * after another would wait for forty seconds. So the number of loads after such claims is limited.
 */

/** Returns whether a request was aborted; undefined if that is not known. */
export type IsAborted = () => boolean | undefined;

/** How many levels of nested errors are inspected. */
const depthMax = 5;

const names: ReadonlySet<unknown> = new Set(['AbortError', 'CanceledError', 'CancelledError', 'CancelError']);
const codes: ReadonlySet<unknown> = new Set(['ABORT_ERR', 'ERR_ABORTED', 'ERR_CANCELED']);
/** PostgreSQL's `query_canceled`, which `statement_timeout` causes too: that is a failure of the load. */
const queryCanceled = '57014';

/** `certain` if the request was aborted, `claimed` if only the error says so. */
export type Cancellation = 'certain' | 'claimed';

/** Returns undefined for a failure of the load itself. */
export function cancellationOf(error: unknown, isAborted: IsAborted | undefined): Cancellation | undefined {
  const isGone = isAborted === undefined ? undefined : asked(isAborted);
  if (isGone === true) return 'certain';
  return isCancellation(error, { isKnown: isGone !== undefined, depth: 0 }) ? 'claimed' : undefined;
}

function asked(isAborted: IsAborted): boolean | undefined {
  try {
    return isAborted();
  } catch {
    return undefined; // the requests must receive the error of the load, not this one
  }
}

/** @param options.isKnown Whether the request is known not to have been aborted. */
function isCancellation(error: unknown, { isKnown, depth }: { isKnown: boolean; depth: number }): boolean {
  if (typeof error !== 'object' || error === null || depth > depthMax) return false;
  const { name, code, cause, originalError, errors } = error as Record<string, unknown>;
  if (names.has(name) || codes.has(code) || (code === queryCanceled && !isKnown)) return true;
  const inner = [cause, originalError, ...(Array.isArray(errors) ? errors : [])];
  return inner.some((one) => isCancellation(one, { isKnown, depth: depth + 1 }));
}
