// A client that disconnects fails only its own request, however its load reports that.
import { GraphQLError } from 'graphql';
import { describe, expect, it } from 'vitest';
import { noteViewerRead } from '../../../src/cache/index.ts';
import { holding, isWaiting, newProcesses, pollUntil, tags } from '../processes.ts';
import { newFaultyWorld } from '../store/faulty-store.ts';
import { newWorld, times, tick, type World } from '../world.ts';

const abortError = new DOMException('This operation was aborted', 'AbortError');
const failure = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);
const canceled = failure('canceled', { name: 'CanceledError', code: 'ERR_CANCELED' });
const queryCanceled = failure('canceling statement due to user request', { name: 'error', code: '57014' });

/** Errors that are recognizable as cancellations. */
const cancellations: [string, unknown][] = [
  ["fetch's AbortError", abortError],
  ["Node's ABORT_ERR", failure('gone', { code: 'ABORT_ERR' })],
  ["axios' CanceledError", canceled],
  ['an error with the code of axios alone', failure('canceled', { code: 'ERR_CANCELED' })],
  ["PostgreSQL's query_canceled", queryCanceled],
  ['an error caused by an AbortError', new Error('orders are not there', { cause: abortError })],
  ['an error caused indirectly by query_canceled', new Error('a', { cause: new Error('b', { cause: queryCanceled }) })],
  ['a GraphQLError around a CanceledError', new GraphQLError('orders', { originalError: canceled })],
  ['an AggregateError with an AbortError', new AggregateError([new Error('a'), abortError])],
];

/** Errors that are not. */
const otherErrors: [string, unknown][] = [
  ["the signal's own reason, a text", 'client gone'],
  ["the signal's own reason, undefined", undefined],
  ["the signal's own reason, null", null],
  ["the signal's own reason, an error", new Error('client gone')],
  ['a TimeoutError', new DOMException('too long', 'TimeoutError')],
  ['a connection error that it led to', failure('Connection terminated', { code: 'ECONNRESET' })],
];

/** A request whose client can disconnect. */
function newClient(): { isAborted: () => boolean; disconnect: () => void } {
  let isDisconnected = false;
  return { isAborted: () => isDisconnected, disconnect: () => void (isDisconnected = true) };
}

/** Fails a load that five other requests have joined. */
async function failJoinedLoad(
  { fetch, source }: World,
  { error, isAborted }: { error: unknown; isAborted?: () => boolean | undefined },
): Promise<{ first: Promise<unknown>; joined: Promise<PromiseSettledResult<unknown>[]> }> {
  const held = source.hold();
  const first = fetch({ isAborted });
  first.catch(() => {});
  await held.begun;
  const joined = Promise.allSettled(times(5, () => fetch({ isAborted: () => false })));
  await tick();
  held.fail(error);
  return { first, joined };
}

const fulfilled = times(5, () => ({ status: 'fulfilled', value: 'value' }));

describe.each([
  ['through the store', () => newWorld()],
  [
    'without the store',
    async () => {
      const world = await newFaultyWorld();
      world.faulty.health = 'failing';
      for (const id of times(10, Number)) await world.fetch({ args: { id } });
      world.source.loads = 0;
      return world;
    },
  ],
])('%s, a load that fails', (_name, newWorldOf) => {
  it.each(cancellations)('with %s and an unknown request state fails only its own request', async (_, error) => {
    const { source, fetch } = await newWorldOf();
    const held = source.hold();
    const results = times(6, () => fetch());
    await held.begun;
    held.fail(error);
    await expect(results[0]).rejects.toBe(error);
    expect(await Promise.allSettled(results.slice(1))).toEqual(fulfilled);
    expect(source.loads).toBe(2);
  });

  it.each([...cancellations, ...otherErrors])(
    'with %s after its request was aborted fails only that request',
    async (_, error) => {
      const world = await newWorldOf();
      const held = world.source.hold();
      const client = newClient();
      const results = times(6, () => world.fetch({ isAborted: client.isAborted }));
      await held.begun;
      client.disconnect();
      held.fail(error);
      await expect(results[0]).rejects.toBe(error);
      expect(await Promise.allSettled(results.slice(1))).toEqual(fulfilled);
      expect(world.source.loads).toBe(2);
    },
  );

  it.each([...otherErrors, ["PostgreSQL's statement_timeout", queryCanceled] as [string, unknown]])(
    'with %s while its request is not aborted fails all requests, with one load',
    async (_, error) => {
      const world = await newWorldOf();
      const held = world.source.hold();
      const results = Promise.allSettled(times(6, () => world.fetch({ isAborted: () => false })));
      await held.begun;
      held.fail(error);
      expect(await results).toEqual(times(6, () => ({ status: 'rejected', reason: error })));
      expect(world.source.loads).toBe(1);
    },
  );

  it('ten times, because ten clients disconnect one after the other, fails no other request', async () => {
    const { source, fetch } = await newWorldOf();
    const holds = times(10, () => source.hold());
    const clients = times(20, newClient);
    const results = Promise.allSettled(clients.map(({ isAborted }) => fetch({ isAborted })));
    for (const { begun, fail } of holds) {
      await begun;
      clients[source.loads - 1]?.disconnect();
      fail(new Error('gone'));
    }
    const settled = await results;
    expect(settled.filter(({ status }) => status === 'rejected')).toHaveLength(10);
    expect(source.loads).toBe(11);
  });

  it.each([undefined, () => false])(
    'with an AbortError each time, although no request was aborted, is not repeated for each request',
    async (isAborted) => {
      const { source, fetch } = await newWorldOf();
      const held = source.hold();
      const results = Promise.allSettled(times(12, () => fetch({ isAborted })));
      await held.begun;
      source.fails(abortError);
      held.fail(abortError);
      expect(await results).toEqual(times(12, () => ({ status: 'rejected', reason: abortError })));
      expect(source.loads).toBe(4);
    },
  );

  it('because its client disconnected is repeated once, and if that load fails, so do all other requests', async () => {
    const { source, fetch } = await newWorldOf();
    const held = source.hold();
    const client = newClient();
    const results = times(6, (index) => fetch({ isAborted: index === 0 ? client.isAborted : () => false }));
    await held.begun;
    source.fails(new Error('no rows'));
    client.disconnect();
    held.fail(new Error('gone'));
    const [first, ...others] = await Promise.allSettled(results);
    expect(first).toMatchObject({ reason: { message: 'gone' } });
    expect(others).toEqual(times(5, () => expect.objectContaining({ reason: new Error('no rows') }) as unknown));
    expect(source.loads).toBe(2);
  });
});

it('a request that was aborted before its load began fails no request that joined that load', async () => {
  const world = await newWorld();
  const client = newClient();
  client.disconnect();
  const { first, joined } = await failJoinedLoad(world, { error: 'gone', isAborted: client.isAborted });
  await expect(first).rejects.toBe('gone');
  expect(await joined).toEqual(fulfilled);
  expect(world.source.loads).toBe(2);
});

it('a load is recognized as cancelled by its error alone if isAborted throws', async () => {
  const world = await newWorld();
  const isAborted = (): boolean => {
    throw new Error('the context is closed');
  };
  const { first, joined } = await failJoinedLoad(world, { error: abortError, isAborted });
  await expect(first).rejects.toBe(abortError);
  expect(await joined).toEqual(fulfilled);
});

it('an inner load that fails with its aborted request fails no request that joined it', async () => {
  const { fetch, source } = await newWorld();
  const held = source.hold();
  const client = newClient();
  const load = (): Promise<unknown> => fetch({ field: 'Query.inner' });
  const first = fetch({ field: 'Query.outer', load, isAborted: client.isAborted });
  await held.begun;
  const others = ['a', 'b', 'c'].map((field) => fetch({ field: `Query.${field}`, load, isAborted: () => false }));
  await tick();
  client.disconnect();
  held.fail('gone');
  await expect(first).rejects.toBe('gone');
  expect(await Promise.all(others)).toEqual(times(3, () => 'value'));
  expect(source.loads).toBe(2);
});

it('isAborted runs outside of the surrounding loads, so what it reads does not count for them', async () => {
  const { fetch, source, trace } = await newWorld();
  source.fails(new Error('no rows'));
  const isAborted = (): boolean => {
    noteViewerRead();
    return false;
  };
  const load = (): Promise<unknown> => fetch({ field: 'Query.inner', isAborted }).catch(() => 'nothing');
  expect(await fetch({ field: 'Query.outer', load })).toBe('nothing');
  expect(trace.text).toBe('load-failed load write miss');
});

it('after an aborted load, only one of the waiting processes loads', async () => {
  const { one, two } = await newProcesses();
  const three = await newWorld('redis', { namespace: one.namespace });
  const client = newClient();
  const { held, first } = await holding(one, { isAborted: client.isAborted });
  const begun = [two, three].map(({ source }) => source.hold());
  const waiting = [two, three].map(({ fetch }) => fetch({ tags }));
  await Promise.all([isWaiting(two), isWaiting(three)]);
  client.disconnect();
  held.fail('gone');
  await expect(first).rejects.toBe('gone');
  await tick();
  await one.store.ping(); // after the release
  await pollUntil(Promise.race(begun.map((load) => load.begun)), two, three);
  await isWaiting(two.source.loads === 0 ? two : three);
  for (const { give } of begun) give('new');
  await pollUntil(Promise.all(waiting), two, three);
  expect(await Promise.all(waiting)).toEqual(['new', 'new']);
  expect(two.source.loads + three.source.loads).toBe(1);
});
