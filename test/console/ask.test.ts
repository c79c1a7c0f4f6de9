import type { Fetcher, Observable } from '@graphiql/toolkit';
import type { ExecutionResult } from 'graphql';
import { describe, expect, it } from 'vitest';
import { ask, askAll, RefusedError } from '../../src/console/cache-panel/ask.ts';

const params = { query: '{ books }' };

const result = { data: { books: 3 } };
const transports: Record<string, Fetcher> = {
  'a promise': () => Promise.resolve(result),
  'an async iterable': async function* () {
    yield result;
  },
  'incremental delivery': async function* () {
    yield [result] as unknown as ExecutionResult;
  },
  'an observable': () => observableOf([result]),
};

describe.each(Object.entries(transports))('a fetcher that returns %s', (_name, fetcher) => {
  it('answers with the data', async () => {
    expect(await ask(fetcher, params)).toEqual({ books: 3 });
  });
});

it('rejects with the messages of the errors, as the server wrote them', async () => {
  const errors = [{ message: 'Cannot query field "books".' }, { message: 'No.' }];
  const fetcher = (() => Promise.resolve({ errors })) as unknown as Fetcher;
  await expect(ask(fetcher, params)).rejects.toThrow(new RefusedError('Cannot query field "books". No.'));
});

it('rejects with what the fetcher rejects with', async () => {
  const fetcher: Fetcher = () => Promise.reject(new TypeError('Failed to fetch'));
  await expect(ask(fetcher, params)).rejects.toThrow(TypeError);
});

it.each(['an iterable', 'an observable'])('ends %s that is silent when the signal is aborted', async (kind) => {
  let isEnded = false;
  const iterable: AsyncIterable<ExecutionResult> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return() {
        isEnded = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  const observable = observableOf([], () => (isEnded = true));
  const stop = new AbortController();
  const results = askAll(() => (kind === 'an iterable' ? iterable : observable), params, { signal: stop.signal });
  const next = results.next();
  await Promise.resolve();
  stop.abort();
  expect((await next).done).toBe(true);
  await expect.poll(() => isEnded).toBe(true);
});

it('gives the fetcher the document, by which it chooses a transport, and the headers', async () => {
  const seen: unknown[] = [];
  const fetcher: Fetcher = (_params, options) => {
    seen.push(options?.headers, options?.documentAST?.kind);
    return Promise.resolve(result);
  };
  await ask(fetcher, params, { headers: { authorization: 'Bearer x' } });
  expect(seen).toEqual([{ authorization: 'Bearer x' }, 'Document']);
});

/** Completes at once if it has results. */
function observableOf(
  results: readonly ExecutionResult[],
  onUnsubscribe: () => void = () => {},
): Observable<ExecutionResult> {
  const subscribe = ({ next, complete }: { next: (one: ExecutionResult) => void; complete: () => void }) => {
    for (const one of results) next(one);
    if (results.length > 0) complete();
    return { unsubscribe: onUnsubscribe };
  };
  return { subscribe } as unknown as Observable<ExecutionResult>;
}
