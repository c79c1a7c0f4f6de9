import type { Fetcher, Observable } from '@graphiql/toolkit';
import { describe, expect, it } from 'vitest';
import { ownOperation } from '../../src/console/cache-panel/request/own-operation.ts';
import { SendError } from '../../src/console/cache-panel/request/send.ts';
import { subscribe } from '../../src/console/cache-panel/request/subscribe.ts';

const operation = ownOperation('subscription { ticks }', { headers: { authorization: 'Bearer x' } });
const results = [{ data: { ticks: 1 } }, { data: { ticks: 2 } }];
const ticks = results.map(({ data }) => data);

const transports: Record<string, Fetcher> = {
  'an async iterable': async function* () {
    yield* results;
  },
  'a promise of an async iterable': () =>
    Promise.resolve(
      (async function* () {
        yield* results;
      })(),
    ),
  'an async iterable of lists of parts': async function* () {
    for (const result of results) yield [result] as unknown as typeof result;
  },
  'an observable': () => observableOf(results),
};

describe.each(Object.entries(transports))('a fetcher that returns %s', (_name, fetcher) => {
  it('gives each response, until the server ends the subscription', async () => {
    expect(await all(subscribe(fetcher, operation, new AbortController().signal))).toEqual(ticks);
  });
});

it('gives the response of a fetcher that knows no subscriptions', async () => {
  const fetcher: Fetcher = () => Promise.resolve({ data: { ticks: 1 } });
  expect(await all(subscribe(fetcher, operation, new AbortController().signal))).toEqual([{ ticks: 1 }]);
});

it('rejects if the server refuses the operation', async () => {
  const fetcher = async function* () {
    yield { errors: [{ message: 'Cannot query field "ticks".' }] };
  } as unknown as Fetcher;
  const received = all(subscribe(fetcher, operation, new AbortController().signal));
  await expect(received).rejects.toThrow(new SendError('REJECTED', 'Cannot query field "ticks".'));
});

it.each(['an iterable', 'an observable'])('ends %s that is silent when the signal is aborted', async (kind) => {
  let isEnded = false;
  const end = (): void => void (isEnded = true);
  const iterable: AsyncIterable<never> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: () => Promise.resolve({ done: true, value: end() }),
    }),
  };
  const stop = new AbortController();
  const fetcher: Fetcher = () => (kind === 'an iterable' ? iterable : observableOf([], end));
  const next = subscribe(fetcher, operation, stop.signal).next();
  // The fetcher has been called, and its first response is waited for.
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await expect(next).rejects.toThrow('aborted');
  await expect.poll(() => isEnded).toBe(true);
});

it('gives the fetcher the document, by which it chooses a transport, and the headers', async () => {
  const seen: unknown[] = [];
  const fetcher: Fetcher = (_params, options) => {
    seen.push(options?.headers, options?.documentAST?.kind);
    return Promise.resolve({ data: {} });
  };
  await all(subscribe(fetcher, operation, new AbortController().signal));
  expect(seen).toEqual([{ authorization: 'Bearer x' }, 'Document']);
});

async function all(received: AsyncIterable<unknown>): Promise<unknown[]> {
  const list: unknown[] = [];
  for await (const one of received) list.push(one);
  return list;
}

/** Completes at once if it has results. */
function observableOf<Result>(list: readonly Result[], onUnsubscribe: () => void = () => {}): Observable<Result> {
  const subscribeTo = ({ next, complete }: { next: (one: Result) => void; complete: () => void }) => {
    for (const one of list) next(one);
    if (list.length > 0) complete();
    return { unsubscribe: onUnsubscribe };
  };
  return { subscribe: subscribeTo } as unknown as Observable<Result>;
}
