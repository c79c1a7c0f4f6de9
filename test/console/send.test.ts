import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createGraphiQLFetcher, type Fetcher } from '@graphiql/toolkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Operation } from '../../src/console/cache-panel/request/operation.ts';
import { send, SendError } from '../../src/console/cache-panel/request/send.ts';

const operation: Operation = {
  query: 'query Q($a: Int) { books(a: $a) }',
  operationName: 'Q',
  variables: { a: 1 },
  headers: { 'x-viewer': 'ada' },
};
const books = { data: { books: [] } };
const withReport = { ...books, extensions: { cache: { fields: [{ field: 'Query.books' }] } } };

/** Starts a server that responds in one way, and returns GraphiQL's fetcher for it. */
async function fetcherOf(listener: RequestListener): Promise<Fetcher> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return createGraphiQLFetcher({ url: `http://127.0.0.1:${port}/`, fetch });
}

function responding(status: number, body: unknown): Promise<Fetcher> {
  const isText = typeof body === 'string';
  return fetcherOf((_request, response) => {
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json' });
    response.end(isText ? body : JSON.stringify(body));
  });
}

async function faultOf(sending: Promise<unknown>): Promise<SendError> {
  const error = await sending.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof SendError) return error;
  throw new Error(`expected a SendError, got ${String(error)}`);
}

describe('an operation', () => {
  it('is sent with its variables, name and headers', async () => {
    const received: unknown[] = [];
    const fetcher = await fetcherOf((request, response) => {
      received.push(json(request), request.headers['x-viewer']);
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(books));
    });
    await send(fetcher, operation);
    const { headers: _headers, ...params } = operation;
    expect(await Promise.all(received)).toEqual([params, 'ada']);
  });

  it('is answered with its data, its report and its duration', async () => {
    const beganMs = performance.now();
    const { data, report, durationMs } = await send(await responding(200, withReport), operation);
    expect({ data, report }).toEqual({ data: { books: [] }, report: { fields: [{ field: 'Query.books' }], more: 0 } });
    expect(durationMs).toBeGreaterThan(0);
    expect(durationMs).toBeLessThanOrEqual(performance.now() - beganMs);
  });

  it('lasts until its response has arrived', async () => {
    let answeredMs = 0;
    const beganMs = performance.now();
    const fetcher: Fetcher = async () => {
      for (let tick = 0; tick < 20; tick += 1) await new Promise((resolve) => setImmediate(resolve));
      answeredMs = performance.now() - beganMs;
      return books;
    };
    expect((await send(fetcher, operation)).durationMs).toBeGreaterThanOrEqual(answeredMs - 1);
    expect(answeredMs).toBeGreaterThan(0);
  });
});

describe('the response may come as', () => {
  it.each<[string, Fetcher]>([
    ['a value', () => books],
    ['a promise', () => Promise.resolve(books)],
    ['a list of one part', () => [books] as never],
  ])('%s', async (_kind, fetcher) => {
    expect((await send(fetcher, operation)).data).toEqual({ books: [] });
  });

  it('the value of an observable that has it at once', async () => {
    const subscribe = (observer: unknown) => {
      (observer as Observer).next(books);
      return { unsubscribe() {} };
    };
    expect((await send(() => ({ subscribe }), operation)).data).toEqual({ books: [] });
  });

  it('the first value of an async iterable, which is ended', async () => {
    let isEnded = false;
    async function* values() {
      try {
        yield books;
        yield { data: 'another one' };
      } finally {
        isEnded = true;
      }
    }
    expect((await send(() => values(), operation)).data).toEqual({ books: [] });
    await expect.poll(() => isEnded).toBe(true);
  });

  it('the first value of an observable, whose subscription is ended', async () => {
    const { fetcher, observers, state } = observableFetcher();
    const reply = send(fetcher, operation);
    await expect.poll(() => observers.length).toBe(1);
    observers[0]?.next(books);
    expect((await reply).data).toEqual({ books: [] });
    expect(state.ended).toBe(1);
  });
});

describe('after an abort', () => {
  it('nothing is waited for, and a late response is ignored', async () => {
    let answer: (value: unknown) => void = () => {};
    const fetcher = (() => new Promise((resolve) => (answer = resolve))) as Fetcher;
    const stop = new AbortController();
    const reply = send(fetcher, operation, stop.signal);
    stop.abort();
    await expect(reply).rejects.toMatchObject({ name: 'AbortError' });
    answer(books);
  });

  it('nothing is sent', async () => {
    let calls = 0;
    const fetcher: Fetcher = () => {
      calls += 1;
      return books;
    };
    await expect(send(fetcher, operation, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    expect(calls).toBe(0);
  });

  it('a subscription is ended', async () => {
    const { fetcher, observers, state } = observableFetcher();
    const stop = new AbortController();
    const reply = send(fetcher, operation, stop.signal);
    await expect.poll(() => observers.length).toBe(1);
    stop.abort();
    await expect(reply).rejects.toMatchObject({ name: 'AbortError' });
    expect(state.ended).toBe(1);
  });
});

describe('a fault is told in a sentence', () => {
  it.each([200, 400, 503])('errors of the server, with status %i', async (status) => {
    const errors = [{ message: 'Too many requests.', extensions: { code: 'OVERLOADED' } }, { message: 'Second.' }];
    const fault = await faultOf(send(await responding(status, { data: null, errors }), operation));
    expect(fault).toMatchObject({ code: 'REJECTED', message: 'Too many requests. (OVERLOADED) And 1 more.' });
  });

  it('a page of HTML in place of JSON', async () => {
    const fault = await faultOf(send(await responding(502, '<html>Bad gateway</html>'), operation));
    expect(fault).toMatchObject({ code: 'NOT_GRAPHQL', message: expect.stringContaining('is not JSON') });
  });

  it.each([{ message: 'forbidden' }, [], null, 'text', 7])('JSON that is no response: %j', async (body) => {
    const fault = await faultOf(send(await responding(200, body), operation));
    expect(['NOT_GRAPHQL', 'IN_PARTS']).toContain(fault.code);
  });

  it('a response in parts', async () => {
    const fault = await faultOf(send(await responding(200, { ...books, hasNext: true }), operation));
    expect(fault).toMatchObject({ code: 'IN_PARTS', message: expect.stringContaining('@defer') });
  });

  it('a connection that is lost', async () => {
    const fetcher = await fetcherOf((request) => request.socket.destroy());
    const fault = await faultOf(send(fetcher, operation));
    expect(fault).toMatchObject({ code: 'UNREACHABLE', message: expect.stringContaining('cannot be reached') });
  });

  it.each<[string, Fetcher, string]>([
    ['a fetcher that throws', () => Promise.reject(new Error('no network')), 'no network'],
    ['errors of a transport for subscriptions', () => Promise.reject([{ message: 'not allowed' }]), 'not allowed'],
    ['an iterable without a response', async function* () {}, 'sent no response'],
  ])('%s', async (_kind, fetcher, text) => {
    const fault = await faultOf(send(fetcher, operation));
    expect(fault.message).toContain(text);
  });
});

interface Observer {
  next(value: unknown): void;
}

/** A fetcher whose responses the test sends. */
function observableFetcher(): { fetcher: Fetcher; observers: Observer[]; state: { ended: number } } {
  const observers: Observer[] = [];
  const state = { ended: 0 };
  const observable = {
    subscribe(observer: unknown) {
      observers.push(observer as Observer);
      return { unsubscribe: () => void (state.ended += 1) };
    },
  };
  return { fetcher: () => observable, observers, state };
}
