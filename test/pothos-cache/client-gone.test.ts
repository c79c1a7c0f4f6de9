// How the context of a request shows that its client has disconnected.
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isClientGone } from '../../src/graphql-cache/client-gone.ts';
import { newSchema } from './world.ts';

interface Node {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** The contexts of different servers, by what they contain. */
const contexts: [string, (node: Node, gone: AbortSignal) => object][] = [
  ['a Fetch request, as in Yoga', (_, signal) => ({ request: new Request('http://a', { signal }) })],
  ['a signal', (_, signal) => ({ signal })],
  ['an abortSignal, as in graphql-js', (_, abortSignal) => ({ abortSignal })],
  ["Hono's request", (_, signal) => ({ req: { raw: new Request('http://a', { signal }) } })],
  ["Node's request, as in Apollo Server", ({ req }) => ({ req })],
  ["Node's response", ({ res }) => ({ res })],
  ["Fastify's reply, as in mercurius", ({ req, res }) => ({ reply: { raw: res, request: { raw: req } } })],
  ["Fastify's request", ({ req }) => ({ request: { raw: req } })],
  ["Koa's context", ({ req, res }) => ({ ctx: { req, res } })],
  ["h3's event", ({ req, res }) => ({ event: { node: { req, res } } })],
];

/** A request that has arrived at a server, and a function that disconnects its client. */
async function newExchange(): Promise<{ node: Node; disconnect: () => Promise<void>; gone: AbortSignal }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const arrived = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: '127.0.0.1', method: 'POST', agent: false });
  sent.on('error', () => {}); // the test destroys it
  sent.end('{}');
  const [req, res] = await arrived;
  for await (const _ of req); // servers read the body first
  const gone = new AbortController();
  res.once('close', () => gone.abort('client gone'));
  const disconnect = async (): Promise<void> => {
    const closed = once(res, 'close');
    sent.destroy();
    await closed;
  };
  return { node: { req, res }, disconnect, gone: gone.signal };
}

describe.each(contexts)('a context with %s', (_, contextOf) => {
  it('shows whether its client has disconnected', async () => {
    const { node, disconnect, gone } = await newExchange();
    const context = contextOf(node, gone);
    expect(isClientGone(context)).toBe(false);
    await disconnect();
    expect(isClientGone(context)).toBe(true);
  });
});

it.each([undefined, null, 'context', {}, { user: { id: 1 }, req: {}, request: null }])(
  'returns undefined for the context %j',
  (context) => {
    expect(isClientGone(context)).toBeUndefined();
  },
);

it('returns false for a response that was sent completely before it closed', async () => {
  const { node } = await newExchange();
  const closed = once(node.res, 'close');
  node.res.end('{}');
  await closed;
  expect(isClientGone({ res: node.res })).toBe(false);
});

it('loads again for the joined requests if the option signal shows that the client has disconnected', async () => {
  const gone = new AbortController();
  let loads = 0;
  const { run } = await newSchema(
    (builder) => {
      builder.queryField('f', (t) =>
        t.string({
          cache: { ttl: '1m', scope: 'public' },
          async resolve() {
            loads += 1;
            if (loads > 1) return 'value';
            await new Promise(setImmediate);
            gone.abort();
            throw new Error('gone');
          },
        }),
      );
    },
    { signal: ({ tenant }) => (tenant === 'gone' ? gone.signal : undefined) },
  );
  const [first, ...others] = await Promise.all([run('{ f }', {}, { tenant: 'gone' }), run('{ f }'), run('{ f }')]);
  expect(first?.errors).toEqual(['gone']);
  expect(others.map(({ data }) => data)).toEqual([{ f: 'value' }, { f: 'value' }]);
  expect(loads).toBe(2);
});
