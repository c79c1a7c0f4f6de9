/** Sends one operation through GraphiQL's own fetcher, and measures how long that takes. */
import { isAsyncIterable, isObservable, type Fetcher, type Observable, type Unsubscribable } from '@graphiql/toolkit';
import type { Operation } from './operation.ts';
import { reportIn, type Report } from './report.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A response without errors. */
export interface Reply {
  /** From the call until the response was parsed, as the page sees it. */
  readonly durationMs: number;
  readonly data: unknown;
  /** Undefined if no cached field ran, or if the server sends no reports. */
  readonly report: Report | undefined;
}

/** An operation was not answered. The message says why, to the user. */
export class SendError extends Error {
  override readonly name = 'SendError';
  /** `REJECTED`: the response has errors. */
  readonly code: 'UNREACHABLE' | 'NOT_GRAPHQL' | 'REJECTED' | 'IN_PARTS';

  constructor(code: SendError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Runs an operation that has one response.
 *
 * A fetcher cannot be cancelled: after an abort its response is ignored, and a subscription is ended.
 *
 * @throws {SendError} if the operation was not answered, or with errors.
 * @throws The signal's reason, as soon as it is aborted.
 */
export async function send(fetcher: Fetcher, operation: Operation, signal?: AbortSignal): Promise<Reply> {
  signal?.throwIfAborted();
  const { query, variables, headers, operationName } = operation;
  const params = { query, variables, ...(operationName === undefined ? {} : { operationName }) };
  const beganMs = performance.now();
  let response: unknown;
  try {
    response = await unlessAborted(
      firstResponse(fetcher(params, headers === undefined ? {} : { headers }), signal),
      signal,
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw sendErrorOf(error);
  }
  const durationMs = performance.now() - beganMs;
  return { durationMs, data: dataIn(response), report: reportIn(response) };
}

/** The first response of what a fetcher may return: a promise, an observable or an async iterable. */
async function firstResponse(returned: unknown, signal: AbortSignal | undefined): Promise<unknown> {
  const result = await returned;
  const first = isObservable<unknown>(result)
    ? await firstOfObservable(result, signal)
    : isAsyncIterable(result)
      ? await firstOfIterable(result, signal)
      : result;
  // A fetcher that supports incremental delivery returns lists of parts.
  return Array.isArray(first) && first.length === 1 ? first[0] : first;
}

async function firstOfObservable(observable: Observable<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  let subscription: Unsubscribable | undefined;
  const first = new Promise<unknown>((resolve, reject) => {
    subscription = observable.subscribe({ next: resolve, error: reject, complete: () => reject(noResponse()) });
  });
  try {
    return await unlessAborted(first, signal);
  } finally {
    subscription?.unsubscribe();
  }
}

async function firstOfIterable(iterable: AsyncIterable<unknown>, signal: AbortSignal | undefined): Promise<unknown> {
  const iterator = iterable[Symbol.asyncIterator]();
  try {
    const { value, done } = await unlessAborted(iterator.next(), signal);
    if (done === true) throw noResponse();
    return value;
  } finally {
    // What follows is not needed, and neither is whether it ends well. It may end only after the response that was aborted.
    iterator.return?.().catch(() => undefined);
  }
}

function noResponse(): SendError {
  return new SendError('NOT_GRAPHQL', 'The server sent no response.');
}

/** @throws {SendError} unless it is a response without errors. */
export function dataIn(response: unknown): unknown {
  const isObject = typeof response === 'object' && response !== null;
  if (Array.isArray(response) || (isObject && 'hasNext' in response && response.hasNext === true))
    throw new SendError(
      'IN_PARTS',
      'The response arrives in parts (@defer or @stream), and cannot be measured as one.',
    );
  const errors = isObject && 'errors' in response ? response.errors : undefined;
  if (Array.isArray(errors) && errors.length > 0) throw new SendError('REJECTED', textOfErrors(errors));
  if (isObject && 'data' in response) return response.data;
  throw new SendError('NOT_GRAPHQL', `The response is not one of a GraphQL server: ${shortened(response)}`);
}

function sendErrorOf(error: unknown): SendError {
  if (error instanceof SendError) return error;
  // A transport for subscriptions may reject with a list of errors.
  if (Array.isArray(error) && error.length > 0) return new SendError('REJECTED', textOfErrors(error));
  const text = error instanceof Error ? error.message : shortened(error);
  if (error instanceof SyntaxError)
    return new SendError('NOT_GRAPHQL', `The response is not JSON, so it may be that of a proxy: ${text}`);
  return new SendError('UNREACHABLE', `The server cannot be reached (${text}). Is it running?`);
}

/** The first error, with its code, and the number of the others. */
function textOfErrors(errors: readonly unknown[]): string {
  const first = errors[0] as { message?: unknown; extensions?: { code?: unknown } } | null | undefined;
  const code = typeof first?.extensions?.code === 'string' ? ` (${first.extensions.code})` : '';
  const others = errors.length > 1 ? ` And ${errors.length - 1} more.` : '';
  return `${typeof first?.message === 'string' ? first.message : shortened(first)}${code}${others}`;
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
