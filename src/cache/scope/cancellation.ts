/**
 * Whether a load failed because the request that began it was aborted: then the other requests that wait for it have done
 * nothing to make it fail, and one of them loads again.
 *
 * How a cancellation is reported depends on what was cancelled: `fetch` rejects with the signal's reason, which may be
 * anything, axios with an error of its own, PostgreSQL with SQLSTATE 57014, and libraries wrap these. So the request is
 * asked first. An error that says by itself that it is a cancellation counts as one too, because a resolver may have a
 * signal of its own. That is a claim only: a resolver that aborts its call after a second fails so each time, and forty
 * requests that load one after the other would wait for forty seconds. So the number of loads after claims is limited.
 */

/** Checks whether a request was aborted; undefined where that is not known. */
export type IsAborted = () => boolean | undefined;

/** Errors in errors that are looked at. */
const depthMax = 5;

const names: ReadonlySet<unknown> = new Set(['AbortError', 'CanceledError', 'CancelledError', 'CancelError']);
const codes: ReadonlySet<unknown> = new Set(['ABORT_ERR', 'ERR_ABORTED', 'ERR_CANCELED']);
/** PostgreSQL's `query_canceled`, which a `statement_timeout` gives too: that one is a failure of the load. */
const queryCanceled = '57014';

/** Whether the request was aborted, or only the error says so. */
export type Cancellation = 'certain' | 'claimed';

/** Undefined for a failure of the load itself. */
export function cancellationOf(error: unknown, isAborted: IsAborted | undefined): Cancellation | undefined {
  const isGone = isAborted === undefined ? undefined : asked(isAborted);
  if (isGone === true) return 'certain';
  return isCancellation(error, { isKnown: isGone !== undefined, depth: 0 }) ? 'claimed' : undefined;
}

function asked(isAborted: IsAborted): boolean | undefined {
  try {
    return isAborted();
  } catch {
    return undefined; // the load's own error is what its requests must see
  }
}

/** @param options.isKnown Whether the request is known not to be aborted. */
function isCancellation(error: unknown, { isKnown, depth }: { isKnown: boolean; depth: number }): boolean {
  if (typeof error !== 'object' || error === null || depth > depthMax) return false;
  const { name, code, cause, originalError, errors } = error as Record<string, unknown>;
  if (names.has(name) || codes.has(code) || (code === queryCanceled && !isKnown)) return true;
  const inner = [cause, originalError, ...(Array.isArray(errors) ? errors : [])];
  return inner.some((one) => isCancellation(one, { isKnown, depth: depth + 1 }));
}
