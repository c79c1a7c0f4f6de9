// How it is known from a context that its client has gone.
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isClientGone } from '../../src/pothos-cache/client-gone.ts';
import { newSchema } from './world.ts';

interface Node {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

/** What servers put into the context. */
const contexts: [string, (node: Node, gone: AbortSignal) => object][] = [
  ["a Fetch request, as Yoga's", (_, signal) => ({ request: new Request('http://a', { signal }) })],
  ['a signal', (_, signal) => ({ signal })],
  ["a signal, as graphql-js'", (_, abortSignal) => ({ abortSignal })],
  ["Hono's request", (_, signal) => ({ req: { raw: new Request('http://a', { signal }) } })],
  ["Node's request, as Apollo's", ({ req }) => ({ req })],
  ["Node's response", ({ res }) => ({ res })],
  ["Fastify's reply, as mercurius'", ({ req, res }) => ({ reply: { raw: res, request: { raw: req } } })],
  ["Fastify's request", ({ req }) => ({ request: { raw: req } })],
  ["Koa's", ({ req, res }) => ({ ctx: { req, res } })],
  ["h3's event", ({ req, res }) => ({ event: { node: { req, res } } })],
];

/** A request that has arrived, as the server sees it, and its client. */
async function newExchange(): Promise<{ node: Node; leave: () => Promise<void>; gone: AbortSignal }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const arrived = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const { port } = server.address() as AddressInfo;
  const sent = request({ port, host: '127.0.0.1', method: 'POST', agent: false });
  sent.on('error', () => {}); // we end it
  sent.end('{}');
  const [req, res] = await arrived;
  for await (const _ of req); // servers have read the body
  const gone = new AbortController();
  res.once('close', () => gone.abort('client gone'));
  const leave = async (): Promise<void> => {
    const closed = once(res, 'close');
    sent.destroy();
    await closed;
  };
  return { node: { req, res }, leave, gone: gone.signal };
}

describe.each(contexts)('a context with %s', (_, contextOf) => {
  it('tells whether its client has gone', async () => {
    const { node, leave, gone } = await newExchange();
    const context = contextOf(node, gone);
    expect(isClientGone(context)).toBe(false);
    await leave();
    expect(isClientGone(context)).toBe(true);
  });
});

it.each([undefined, null, 'context', {}, { user: { id: 1 }, req: {}, request: null }])(
  'the context %j does not tell',
  (context) => {
    expect(isClientGone(context)).toBeUndefined();
  },
);

it('an answer that was sent is not a client that has gone', async () => {
  const { node } = await newExchange();
  const closed = once(node.res, 'close');
  node.res.end('{}');
  await closed;
  expect(isClientGone({ res: node.res })).toBe(false);
});

it('is told by the option `signal` where that is given', async () => {
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
