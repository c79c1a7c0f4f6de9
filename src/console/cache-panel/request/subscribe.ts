/** Subscribes through GraphiQL's own fetcher, whatever its transport is. */
import { isAsyncIterable, isObservable, type Fetcher, type Observable } from '@graphiql/toolkit';
import { parse } from 'graphql';
import type { Operation } from './operation.ts';
import { dataIn } from './send.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * The data of each response, until the signal is aborted or the server ends the subscription.
 *
 * @throws {SendError} if a response has errors.
 * @throws Whatever the fetcher rejects with, and the signal's reason.
 */
export async function* subscribe(
  fetcher: Fetcher,
  { query, variables, headers, operationName }: Operation,
  signal: AbortSignal,
): AsyncGenerator {
  signal.throwIfAborted();
  const params = { query, variables, ...(operationName === undefined ? {} : { operationName }) };
  // Fetchers that have several transports choose by the document.
  const returned = fetcher(params, { ...(headers === undefined ? {} : { headers }), documentAST: parse(query) });
  const result: unknown = await unlessAborted(Promise.resolve(returned), signal);
  if (!isAsyncIterable(result) && !isObservable<unknown>(result)) {
    yield dataIn(result);
    return;
  }
  const iterator = (isAsyncIterable(result) ? result : iterableOf(result, signal))[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await unlessAborted(iterator.next(), signal);
      if (done === true) return;
      // A fetcher that supports incremental delivery returns lists of parts.
      yield dataIn(Array.isArray(value) && value.length === 1 ? value[0] : value);
    }
  } finally {
    // Not awaited: some iterators end only after their pending result.
    iterator.return?.().catch(() => undefined);
  }
}

async function* iterableOf(observable: Observable<unknown>, signal: AbortSignal): AsyncGenerator {
  const results = new ReadableStream<unknown>({
    start(controller) {
      const subscription = observable.subscribe({
        next: (result) => controller.enqueue(result),
        error: (error: unknown) => controller.error(error),
        complete: () => controller.close(),
      });
      signal.addEventListener('abort', () => subscription.unsubscribe(), { once: true });
    },
  }).getReader();
  for (;;) {
    const { done, value } = await results.read();
    if (done) return;
    yield value;
  }
}
