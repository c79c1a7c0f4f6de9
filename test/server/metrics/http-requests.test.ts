// Each request is counted once, by its status and by how it was answered.
import SchemaBuilder from '@pothos/core';
import { expect, it } from 'vitest';
import CachePlugin from '../../../src/pothos-cache/index.ts';
import { withResolvers } from '../../cache/world.ts';
import { logLevels, startServer, type Overrides, type RunningServer } from '../start-server.ts';

/** The counts by answer and status, without the requests for the metrics themselves. */
async function countsOf(server: RunningServer): Promise<Record<string, number>> {
  const { text } = await server.get('/metrics');
  const lines = [...text.matchAll(/^http_request_duration_seconds_count\{answer="(\w+)",status="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(
    lines.flatMap(([, answer = '', status = '', count]) =>
      answer === 'other' ? [] : [[`${answer} ${status}`, Number(count)]],
    ),
  );
}

it.each(['warn', ...logLevels] as const)(
  'counts the answers to GraphQL requests, with LOG_LEVEL=%s',
  async (logLevel) => {
    const server = await startServer({ logLevel });
    const query = '{ categoryStats { id } }';
    await server.ask(query); // parsed, validated and executed
    await server.ask(query); // its document is known
    await server.ask(query); // and so is its response, which consists of hits
    await server.ask('{ nothing }'); // refused by the validation
    const counts = { 'graphql 200': 2, 'fast_path 200': 1, 'cached_response 200': 1 };
    await expect.poll(() => countsOf(server)).toEqual(counts);
  },
);

it('tells from the status that a client had the response already', async () => {
  const server = await startServer();
  const path = `/graphql?query=${encodeURIComponent('{ categoryStats { id } }')}`;
  const { headers } = await server.get(path, { accept: 'application/json' });
  const known = { accept: 'application/json', 'if-none-match': headers.get('etag') ?? '' };
  await server.get(path, known);
  await server.get(path, known);
  const counts = { 'graphql 200': 1, 'graphql 304': 1, 'cached_response 304': 1 };
  await expect.poll(() => countsOf(server)).toEqual(counts);
});

it('counts files of the console, and requests that GraphQL does not see', async () => {
  const server = await startServer();
  await server.get('/graphql', { accept: 'text/html' });
  await server.get('/nowhere');
  await fetch(`${server.url}/graphql`, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' });
  await fetch(`${server.url}/graphql`, { method: 'DELETE' });
  await expect
    .poll(() => countsOf(server))
    .toEqual({
      'console 200': 1,
      'error 404': 1,
      'error 405': 1,
      'error 415': 1,
    });
});

it('counts a client that disconnects before its response as aborted, without a status', async () => {
  const { promise: released, resolve: release } = withResolvers<number>();
  const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache }) => {
    const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
    builder.queryType({ fields: (t) => ({ held: t.int({ resolve: () => released }) }) });
    return builder.toSchema({ cache: { engine: cache } });
  };
  const server = await startServer({ schemaOf });
  const client = new AbortController();
  const response = fetch(`${server.url}/graphql?query={held}`, { signal: client.signal });
  await expect.poll(() => server.executions()).toBe(1);
  client.abort();
  await expect(response).rejects.toThrow('aborted');
  await expect.poll(() => countsOf(server)).toEqual({ 'aborted none': 1 });
  release(1);
});

it('counts a subscription when its client leaves', async () => {
  const server = await startServer();
  const client = new AbortController();
  const { status, body } = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: 'subscription { cacheEvents { at } }' }),
    signal: client.signal,
  });
  expect(status).toBe(200);
  await body?.getReader().read();
  expect(await countsOf(server)).toEqual({});
  client.abort();
  await expect.poll(() => countsOf(server)).toEqual({ 'stream 200': 1 });
});

it('measures the time until the response was sent', async () => {
  const { promise: begun, resolve: begin } = withResolvers<number>();
  const { promise: released, resolve: release } = withResolvers<number>();
  const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache }) => {
    const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
    const resolve = (): Promise<number> => (begin(performance.now()), released);
    builder.queryType({ fields: (t) => ({ held: t.int({ resolve }) }) });
    return builder.toSchema({ cache: { engine: cache } });
  };
  const server = await startServer({ schemaOf });
  const sumMs = async (): Promise<number> => {
    const { text } = await server.get('/metrics');
    return (
      1_000 * Number(/^http_request_duration_seconds_sum\{answer="graphql",status="200"\} (\S+)$/m.exec(text)?.[1])
    );
  };
  const askedMs = performance.now();
  const response = server.ask('{ held }');
  const begunMs = await begun;
  // The resolver takes longer than everything before it, however fast the machine is.
  while (performance.now() - begunMs <= 2 * (begunMs - askedMs)) expect(await sumMs()).toBeNaN();
  const heldMs = performance.now() - begunMs;
  release(1);
  await response;
  await expect.poll(sumMs).toBeGreaterThanOrEqual(heldMs);
  expect(await sumMs()).toBeLessThanOrEqual(performance.now() - askedMs);
});
