// The executed-document fast path: the same responses as from Yoga, which handles what the fast path cannot.
import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { GraphQLError, type DocumentNode } from 'graphql';
import { createSchema, createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga';
import { expect, it, onTestFinished } from 'vitest';
import type { ShopContext } from '../../schema/index.ts';
import type { GraphqlExchange, GraphqlParams, ServerContext } from '../../src/server/graphql/server-context.ts';
import { FastPath } from '../../src/server/graphql/fast-path.ts';

const typeDefs = `
  type Query { number: Int, one: Int!, language: String, failing: Int!, waiting: Int, late: Int, echo(text: String!): String }
  type Mutation { count: Int }
`;

interface RequestBody extends Record<string, unknown> {
  query?: unknown;
}

interface World {
  url: string;
  port: number;
  /** Posts `body`. */
  ask: (
    body: RequestBody,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; type: string | null; text: string }>;
  /** The number of requests that Yoga has read, and of resolver calls. */
  counts: { yoga: number; resolved: number };
  /** Resolve when the waiting resolver has started, and when its client has disconnected. */
  waiting: { started: Promise<unknown>; disconnected: Promise<unknown> };
}

async function startWorld(): Promise<World> {
  const counts = { yoga: 0, resolved: 0 };
  const waits = new EventEmitter();
  const [started, disconnected] = [once(waits, 'started'), once(waits, 'disconnected')];
  const counted =
    <T>(value: T) =>
    () => {
      counts.resolved += 1;
      return value;
    };
  const resolvers = {
    Query: {
      number: counted(7),
      one: counted(1),
      failing: () => {
        counts.resolved += 1;
        throw new Error('it broke');
      },
      language: (_parent: unknown, _args: unknown, { request }: { request: Request }) =>
        request.headers.get('accept-language'),
      waiting(_parent: unknown, _args: unknown, { request }: { request: Request }) {
        request.signal.addEventListener('abort', () => waits.emit('disconnected'));
        waits.emit('started');
        return disconnected.then(() => 1);
      },
      async late(_parent: unknown, _args: unknown, context: { res: ServerResponse; request: Request }) {
        waits.emit('started');
        await once(context.res, 'close');
        waits.emit('disconnected', context.request.signal.aborted);
      },
      echo: (_parent: unknown, { text }: { text: string }) => text,
    },
    Mutation: { count: counted(1) },
  };
  const documents = new Map<string, DocumentNode>();
  const fastPath = new FastPath({ documents });
  const yoga = createYoga<ServerContext, ShopContext>({
    schema: createSchema<ServerContext & ShopContext>({ typeDefs, resolvers }),
    plugins: [fastPath.plugin, useStatus(), useThrow(), { onRequestParse: () => void (counts.yoga += 1) }],
    parserAndValidationCache: { documentCache: documents, errorCache: new Map<string, Error>() },
    logging: false,
  });
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => {
      const params = JSON.parse(text) as GraphqlParams;
      const exchange: GraphqlExchange = { answer: 'graphql', openStream: () => false };
      void fastPath.answer(yoga, { req: Object.assign(req, { body: params }), res, exchange }, params);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/graphql`;
  return {
    url,
    port,
    counts,
    waiting: { started, disconnected },
    async ask(body, headers = {}) {
      const given = { accept: '*/*', 'content-type': 'application/json', ...headers };
      const response = await fetch(url, { method: 'POST', headers: given, body: JSON.stringify(body) });
      return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
    },
  };
}

/** Throws in the phase that the request names in `x-throws`. */
function useThrow(): Plugin<object, ServerContext> {
  const mayThrow = (context: object, place: string): void => {
    const { req } = context as ServerContext;
    const http = { status: 418 };
    if (req.headers['x-throws'] === place) throw new GraphQLError(`no ${place}`, { extensions: { http } });
  };
  return {
    onContextBuilding: ({ context }) => mayThrow(context, 'the context'),
    onExecute({ args }) {
      mayThrow(args.contextValue, 'the execution');
      const toJSON = (): void => mayThrow(args.contextValue, 'the encoding');
      return {
        onExecuteDone({ result, setResult }) {
          const { req } = args.contextValue as unknown as ServerContext;
          if (req.headers['x-throws'] !== undefined) setResult({ ...result, extensions: { toJSON } });
        },
      };
    },
  };
}

/** Gives a response the status that its request names in `x-status`. */
function useStatus(): Plugin<object, ServerContext> {
  return {
    onExecute: ({ args }) => ({
      onExecuteDone({ result, setResult }) {
        const { req } = args.contextValue as unknown as ServerContext;
        const status = Number(req.headers['x-status'] ?? 0);
        if (status > 0 && !isAsyncIterable(result)) setResult({ ...result, extensions: { http: { status } } });
      },
    }),
  };
}

const accepted = [
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'application/json, text/event-stream',
];

it.each(accepted)('sends a client that accepts %s the same response as Yoga does', async (accept) => {
  const { ask, counts } = await startWorld();
  const body = { query: 'query A($is: Boolean!) { number one @include(if: $is) }', variables: { is: true } };
  const first = await ask(body, { accept });
  expect(first).toMatchObject({ status: 200, text: '{"data":{"number":7,"one":1}}' });
  expect(await ask(body, { accept })).toEqual(first);
  expect(await ask({ ...body, variables: { is: false } }, { accept })).toMatchObject({ text: '{"data":{"number":7}}' });
  expect(counts).toEqual({ yoga: 1, resolved: 5 });
});

it('measures the length of a response in bytes, not in characters', async () => {
  const { ask } = await startWorld();
  const body = { query: 'query ($text: String!) { echo(text: $text) }', variables: { text: 'ä→𝄞' } };
  const first = await ask(body);
  expect([await ask(body), first.text]).toEqual([first, '{"data":{"echo":"ä→𝄞"}}']);
});

it('passes a result with errors to Yoga, without executing the query twice', async () => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number failing }' };
  const first = await ask(body);
  expect(first.text).toContain('Unexpected error.');
  expect(await ask(body)).toEqual(first);
  expect(counts).toEqual({ yoga: 2, resolved: 4 });
});

it.each<[string, RequestBody]>([
  ['variables that are a list', { variables: [] }],
  ['variables that are a string', { variables: '{}' }],
  ['extensions that are a string', { extensions: 'none' }],
  ['an unknown parameter', { another: 1 }],
  ['an unknown operation name', { operationName: 'B' }],
  ['an operation name that is a number', { operationName: 1 }],
  ['a variable of the wrong type', { variables: { text: 1 } }],
])('refuses a query with %s as Yoga does, even if its document was executed before', async (_, changes) => {
  const [fresh, world] = [await startWorld(), await startWorld()];
  const query = 'query A($text: String = "b") { echo(text: $text) }';
  const wrong = { query, variables: { text: 'a' }, ...changes };
  const refused = await fresh.ask(wrong);
  expect(refused.text).toContain('"errors"');
  await world.ask({ query, variables: { text: 'a' } });
  expect(await world.ask(wrong)).toEqual(refused);
});

it('accepts null for variables, operationName and extensions, and any extensions', async () => {
  const { ask, counts } = await startWorld();
  const query = 'query A { number }';
  for (const more of [{}, { variables: null, operationName: null, extensions: null }, { extensions: { any: [1] } }])
    expect((await ask({ query, ...more })).text).toBe('{"data":{"number":7}}');
  expect(counts.yoga).toBe(1);
});

it.each(['the context', 'the execution', 'the encoding'])('passes an error in %s on to Yoga', async (place) => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number }' };
  const first = await ask(body);
  expect(first.status).toBe(200);
  const refused = await ask(body, { 'x-throws': place });
  expect([refused.status, refused.text]).toEqual([418, expect.stringContaining(`no ${place}`)]);
  expect(counts).toEqual({ yoga: 2, resolved: place === 'the encoding' ? 2 : 1 });
  expect(await ask(body)).toEqual(first);
});

it('passes a result with a status of its own to Yoga', async () => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number }' };
  const first = await ask(body);
  expect(await ask(body, { 'x-status': '203' })).toEqual({ ...first, status: 203 });
  expect(counts).toEqual({ yoga: 2, resolved: 2 });
});

it('is used neither for mutations nor for documents that have never been executed', async () => {
  const { ask, counts } = await startWorld();
  for (let sent = 0; sent < 2; sent += 1) await ask({ query: 'mutation { count }' });
  for (let sent = 0; sent < 2; sent += 1) expect((await ask({ query: '{ nothing }' })).status).toBe(200);
  expect(counts).toEqual({ yoga: 4, resolved: 2 });
});

it('sends an event stream each time to a client that accepts only that', async () => {
  const { ask } = await startWorld();
  await ask({ query: '{ number }' });
  const accept = 'text/event-stream';
  const streams = [await ask({ query: '{ number }' }, { accept }), await ask({ query: '{ number }' }, { accept })];
  for (const { type, text } of streams) expect([type, text]).toEqual([accept, expect.stringContaining('event: next')]);
});

it('passes the request to resolvers, and aborts its signal when the client disconnects', async () => {
  const { ask, port, waiting } = await startWorld();
  const query = '{ language }';
  await ask({ query }, { 'accept-language': 'de' });
  expect((await ask({ query }, { 'accept-language': 'en' })).text).toBe('{"data":{"language":"en"}}');

  const client = await requestWaiting(port, ask, 'waiting');
  await waiting.started;
  client.destroy();
  await waiting.disconnected;
});

it('passes an aborted signal to a resolver that reads the request after the client has disconnected', async () => {
  const { ask, port, waiting } = await startWorld();
  const client = await requestWaiting(port, ask, 'late');
  await waiting.started;
  client.destroy();
  expect(await waiting.disconnected).toEqual([true]);
});

/** Requests `field`, whose resolver waits, on the fast path. */
async function requestWaiting(port: number, ask: World['ask'], field: string): Promise<Socket> {
  const query = `query ($is: Boolean = false) { number ${field} @include(if: $is) }`;
  await ask({ query });
  const body = JSON.stringify({ query, variables: { is: true } });
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Type: application/json\r\n`;
  const client = connect(port, '127.0.0.1');
  client.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  return client;
}
