// What was executed once goes the short way: the same answers, with Yoga's HTTP left out, and left to it where it must be.
import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { GraphQLError, type DocumentNode } from 'graphql';
import { createSchema, createYoga, isAsyncIterable, type Plugin } from 'graphql-yoga';
import { expect, it, onTestFinished } from 'vitest';
import type { ShopContext } from '../../schema/index.ts';
import type { GraphqlParams, ServerContext } from '../../src/server/graphql/server-context.ts';
import { FastPath } from '../../src/server/graphql/fast-path.ts';

const typeDefs = `
  type Query { number: Int, one: Int!, language: String, failing: Int!, waiting: Int, late: Int, echo(text: String!): String }
  type Mutation { count: Int }
`;

interface Asked extends Record<string, unknown> {
  query?: unknown;
}

interface World {
  url: string;
  port: number;
  /** Posts `body`. */
  ask: (
    body: Asked,
    headers?: Record<string, string>,
  ) => Promise<{ status: number; type: string | null; text: string }>;
  /** How often Yoga has read a request, and how often a resolver ran. */
  counts: { yoga: number; resolved: number };
  /** Of the resolver that waits: when it has begun, and when its request has been given up. */
  waiting: { begun: Promise<unknown>; givenUp: Promise<unknown> };
}

async function startWorld(): Promise<World> {
  const counts = { yoga: 0, resolved: 0 };
  const waits = new EventEmitter();
  const [begun, givenUp] = [once(waits, 'begun'), once(waits, 'givenUp')];
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
        request.signal.addEventListener('abort', () => waits.emit('givenUp'));
        waits.emit('begun');
        return givenUp.then(() => 1);
      },
      async late(_parent: unknown, _args: unknown, context: { res: ServerResponse; request: Request }) {
        waits.emit('begun');
        await once(context.res, 'close');
        waits.emit('givenUp', context.request.signal.aborted);
      },
      echo: (_parent: unknown, { text }: { text: string }) => text,
    },
    Mutation: { count: counted(1) },
  };
  const documents = new Map<string, DocumentNode>();
  const shortWay = new FastPath({ documents });
  const yoga = createYoga<ServerContext, ShopContext>({
    schema: createSchema<ServerContext & ShopContext>({ typeDefs, resolvers }),
    plugins: [shortWay.plugin, useStatus(), useThrow(), { onRequestParse: () => void (counts.yoga += 1) }],
    parserAndValidationCache: { documentCache: documents, errorCache: new Map<string, Error>() },
    logging: false,
  });
  const server = createServer((req, res) => {
    let text = '';
    req.on('data', (chunk: Buffer) => (text += chunk.toString()));
    req.on('end', () => {
      const params = JSON.parse(text) as GraphqlParams;
      void shortWay.answer(yoga, { req: Object.assign(req, { body: params }), res }, params);
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
    waiting: { begun, givenUp },
    async ask(body, headers = {}) {
      const given = { accept: '*/*', 'content-type': 'application/json', ...headers };
      const response = await fetch(url, { method: 'POST', headers: given, body: JSON.stringify(body) });
      return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
    },
  };
}

/** Throws where its request says. */
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
      const toJSON = (): void => mayThrow(args.contextValue, 'the text of the answer');
      return {
        onExecuteDone({ result, setResult }) {
          const { req } = args.contextValue as unknown as ServerContext;
          if (req.headers['x-throws'] !== undefined) setResult({ ...result, extensions: { toJSON } });
        },
      };
    },
  };
}

/** Gives an answer the status that its request asks for. */
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

it.each(accepted)('gives who accepts %s the same answer past Yoga’s HTTP as through it', async (accept) => {
  const { ask, counts } = await startWorld();
  const body = { query: 'query A($is: Boolean!) { number one @include(if: $is) }', variables: { is: true } };
  const first = await ask(body, { accept });
  expect(first).toMatchObject({ status: 200, text: '{"data":{"number":7,"one":1}}' });
  expect(await ask(body, { accept })).toEqual(first);
  expect(await ask({ ...body, variables: { is: false } }, { accept })).toMatchObject({ text: '{"data":{"number":7}}' });
  expect(counts).toEqual({ yoga: 1, resolved: 5 });
});

it('counts the bytes of an answer, not its characters', async () => {
  const { ask } = await startWorld();
  const body = { query: 'query ($text: String!) { echo(text: $text) }', variables: { text: 'ä→𝄞' } };
  const first = await ask(body);
  expect([await ask(body), first.text]).toEqual([first, '{"data":{"echo":"ä→𝄞"}}']);
});

it('leaves to Yoga what fails, without executing it twice', async () => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number failing }' };
  const first = await ask(body);
  expect(first.text).toContain('Unexpected error.');
  expect(await ask(body)).toEqual(first);
  expect(counts).toEqual({ yoga: 2, resolved: 4 });
});

it.each<[string, Asked]>([
  ['a list of variables', { variables: [] }],
  ['variables that are text', { variables: '{}' }],
  ['extensions that are text', { extensions: 'none' }],
  ['a parameter that there is not', { another: 1 }],
  ['the name of an operation that there is not', { operationName: 'B' }],
  ['a name that is a number', { operationName: 1 }],
  ['a wrong variable', { variables: { text: 1 } }],
])('refuses a query with %s as Yoga does, whatever was executed before', async (_, more) => {
  const [fresh, world] = [await startWorld(), await startWorld()];
  const query = 'query A($text: String = "b") { echo(text: $text) }';
  const wrong = { query, variables: { text: 'a' }, ...more };
  const refused = await fresh.ask(wrong);
  expect(refused.text).toContain('"errors"');
  await world.ask({ query, variables: { text: 'a' } });
  expect(await world.ask(wrong)).toEqual(refused);
});

it('takes variables, a name and extensions that are null, and extensions of any kind', async () => {
  const { ask, counts } = await startWorld();
  const query = 'query A { number }';
  for (const more of [{}, { variables: null, operationName: null, extensions: null }, { extensions: { any: [1] } }])
    expect((await ask({ query, ...more })).text).toBe('{"data":{"number":7}}');
  expect(counts.yoga).toBe(1);
});

it.each(['the context', 'the execution', 'the text of the answer'])('leaves to Yoga what %s throws', async (place) => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number }' };
  const first = await ask(body);
  expect(first.status).toBe(200);
  const refused = await ask(body, { 'x-throws': place });
  expect([refused.status, refused.text]).toEqual([418, expect.stringContaining(`no ${place}`)]);
  expect(counts).toEqual({ yoga: 2, resolved: place === 'the text of the answer' ? 2 : 1 });
  expect(await ask(body)).toEqual(first);
});

it('leaves to Yoga what has headers of its own', async () => {
  const { ask, counts } = await startWorld();
  const body = { query: '{ number }' };
  const first = await ask(body);
  expect(await ask(body, { 'x-status': '203' })).toEqual({ ...first, status: 203 });
  expect(counts).toEqual({ yoga: 2, resolved: 2 });
});

it('is no way for mutations, nor for a text that has never been executed', async () => {
  const { ask, counts } = await startWorld();
  for (let asked = 0; asked < 2; asked += 1) await ask({ query: 'mutation { count }' });
  for (let asked = 0; asked < 2; asked += 1) expect((await ask({ query: '{ nothing }' })).status).toBe(200);
  expect(counts).toEqual({ yoga: 4, resolved: 2 });
});

it('gives who accepts events his events each time', async () => {
  const { ask } = await startWorld();
  await ask({ query: '{ number }' });
  const accept = 'text/event-stream';
  const answers = [await ask({ query: '{ number }' }, { accept }), await ask({ query: '{ number }' }, { accept })];
  for (const { type, text } of answers) expect([type, text]).toEqual([accept, expect.stringContaining('event: next')]);
});

it('shows resolvers the request, and tells them when its client has gone', async () => {
  const { ask, port, waiting } = await startWorld();
  const query = '{ language }';
  await ask({ query }, { 'accept-language': 'de' });
  expect((await ask({ query }, { 'accept-language': 'en' })).text).toBe('{"data":{"language":"en"}}');

  const client = await leaving(port, ask, 'waiting');
  await waiting.begun;
  client.destroy();
  await waiting.givenUp;
});

it('tells a resolver that looks at the request when its client has gone already', async () => {
  const { ask, port, waiting } = await startWorld();
  const client = await leaving(port, ask, 'late');
  await waiting.begun;
  client.destroy();
  expect(await waiting.givenUp).toEqual([true]);
});

/** Asks for `field`, which waits, by the short way. */
async function leaving(port: number, ask: World['ask'], field: string): Promise<Socket> {
  const query = `query ($is: Boolean = false) { number ${field} @include(if: $is) }`;
  await ask({ query });
  const body = JSON.stringify({ query, variables: { is: true } });
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nContent-Type: application/json\r\n`;
  const client = connect(port, '127.0.0.1');
  client.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  return client;
}
