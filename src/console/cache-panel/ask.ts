/** Sends operations of the panel's own through GraphiQL's fetcher, whatever its transport is. */
import { isAsyncIterable, isObservable, type Fetcher, type FetcherParams, type Observable } from '@graphiql/toolkit';
import { parse, type ExecutionResult } from 'graphql';

/** The server was reached, and refused the operation. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

export interface AskOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
}

/**
 * The data of one response.
 *
 * @throws {RefusedError} with the messages of the response's errors.
 * @throws Whatever the fetcher rejects with.
 */
export async function ask<Data>(fetcher: Fetcher, params: FetcherParams, options: AskOptions = {}): Promise<Data> {
  for await (const result of askAll<Data>(fetcher, params, options)) return dataOf(result);
  options.signal?.throwIfAborted();
  throw new Error('The server has sent no response.');
}

/** The responses to an operation, one after the other; they end when the signal is aborted. */
export async function* askAll<Data>(
  fetcher: Fetcher,
  params: FetcherParams,
  { headers, signal }: AskOptions = {},
): AsyncGenerator<ExecutionResult<Data>> {
  signal?.throwIfAborted();
  // Fetchers that have several transports choose by the document.
  const documentAST = parse(params.query);
  const returned = await fetcher(params, {
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    documentAST,
  });
  if (isAsyncIterable(returned)) yield* untilAborted(returned as AsyncIterable<ExecutionResult<Data>>, signal);
  else if (isObservable<ExecutionResult<Data>>(returned)) yield* untilAborted(iterableOf(returned, signal), signal);
  else yield returned as ExecutionResult<Data>;
}

/** @throws {RefusedError} if there is none. */
export function dataOf<Data>({ data, errors }: ExecutionResult<Data>): Data {
  if (errors !== undefined && errors.length > 0) throw new RefusedError(errors.map(({ message }) => message).join(' '));
  if (data == null) throw new RefusedError('The response has no data.');
  return data;
}

async function* untilAborted<Result>(
  results: AsyncIterable<Result | readonly Result[]>,
  signal?: AbortSignal,
): AsyncGenerator<Result> {
  const iterator = results[Symbol.asyncIterator]();
  const aborted = new Promise<'aborted'>((resolve) => {
    signal?.addEventListener('abort', () => resolve('aborted'), { once: true });
  });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === 'aborted' || next.done === true) return;
      // Incremental delivery brings several at once, of which the first one is the response so far.
      const [result] = Array.isArray(next.value) ? (next.value as readonly Result[]) : [next.value as Result];
      if (result !== undefined) yield result;
    }
  } finally {
    // Not awaited: some iterators end only after their pending result.
    iterator.return?.().catch(() => {});
  }
}

async function* iterableOf<Result>(observable: Observable<Result>, signal?: AbortSignal): AsyncGenerator<Result> {
  const results = new ReadableStream<Result>({
    start(controller) {
      const subscription = observable.subscribe({
        next: (result) => controller.enqueue(result),
        error: (error: unknown) => controller.error(error),
        complete: () => controller.close(),
      });
      signal?.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
    },
  }).getReader();
  for (;;) {
    const { done, value } = await results.read();
    if (done) return;
    yield value;
  }
}
