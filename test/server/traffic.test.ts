import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as afterPolling } from 'node:timers/promises';
import SchemaBuilder from '@pothos/core';
import { expect, it, onTestFinished } from 'vitest';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { Traffic, type TrafficLimits } from '../../src/server/http/traffic.ts';
import { withResolvers } from '../cache/world.ts';
import type { GraphqlError } from './client.ts';
import { send, sendBytes, type RawAnswer } from './raw-request.ts';
import { startServer, type Overrides } from './start-server.ts';

it('executes at most executedMax requests at once, and refuses the others with Retry-After', async () => {
  const { schemaOf, release } = holdingSchema();
  const server = await startServer({ schemaOf, trafficLimits: { executedMax: 5 } });
  const early: RawAnswer[] = [];
  const responses = Array.from({ length: 12 }, async () => {
    const response = await send(server.url, { body: '{"query":"{ held }"}' });
    early.push(response);
    return response;
  });
  await expect.poll(() => early.length).toBe(7);
  const refused = [...early];
  release();
  const statuses = (await Promise.all(responses)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(5);
  for (const { text, headers } of refused) {
    const [error] = (JSON.parse(text) as { errors: GraphqlError[] }).errors;
    expect([error?.extensions?.code, headers['retry-after']]).toEqual(['OVERLOADED', '1']);
  }
  expect((await server.row('{ held }')).state).toBe('hit');
});

it('counts requests that run for disconnected clients, but not those that are still arriving', async () => {
  const { server, traffic } = await newWorld({ executedMax: 2 }, () => {});
  for (const text of ['POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{', get, get, get]) open(server, text);
  const [arriving, ...responses] = await nextResponses(server, 4);
  expect(arriving?.req.complete).toBe(false);
  let end = (): void => {};
  const work = new Promise<void>((resolve) => (end = resolve));
  const [first, second, third] = responses as [ServerResponse, ServerResponse, ServerResponse];
  const executed = [traffic.execute(first, () => work), traffic.execute(second, () => work)];
  first.destroy();
  await once(first, 'close');
  expect(await traffic.execute(third, () => work)).toBe(false);
  end();
  expect(await Promise.all(executed)).toEqual([true, true]);
  expect(await traffic.execute(third, async () => {})).toBe(true);
});

it('does not count a response that is being read as executed, and drops it when its client disconnects', async () => {
  const { server, traffic } = await newWorld({ executedMax: 1 }, () => {});
  const reader = open(server, get);
  const [response] = (await nextResponses(server, 1)) as [ServerResponse];
  void traffic.execute(response, () => {
    response.write('part');
    return new Promise<void>(() => {}); // waits for a client that never reads on
  });
  await once(reader, 'data');
  const other = open(server, get);
  const [next] = (await nextResponses(server, 1)) as [ServerResponse];
  expect(await traffic.execute(next, async () => void next.end())).toBe(true);
  await once(other, 'data');
  reader.destroy();
  await expect.poll(() => [traffic.answers, traffic.executed]).toEqual([0, 0]);
});

it('destroys a response of a closed connection, even if it was queued behind another', async () => {
  const { server } = await newWorld({}, () => {});
  const client = open(server, get.repeat(2));
  const [, queued] = (await nextResponses(server, 2)) as [ServerResponse, ServerResponse];
  client.resetAndDestroy();
  await expect.poll(() => queued.destroyed).toBe(true);
});

it('drops all responses of a closed connection, including queued ones', async () => {
  const { server, traffic } = await newWorld({}, () => {});
  const clients = Array.from({ length: 20 }, () => open(server, get.repeat(10)));
  await expect.poll(() => traffic.answers).toBe(200);
  for (const client of clients) client.resetAndDestroy();
  await expect.poll(() => traffic.answers).toBe(0);
});

it('closes the oldest connection that waits for no response if there are more than connectionsMax', async () => {
  const { server, refusals } = await newWorld({ connectionsMax: 3 }, ({ req }) => {
    if (req.url === '/fast') req.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone');
  });
  const busy = open(server, get);
  await once(server, 'request');
  const [idle, halfHead] = [open(server), open(server, 'GET / HT')];
  await Promise.all([idle, halfHead].map((socket) => once(socket, 'connect')));
  const newcomer = open(server, get.replace('GET /', 'GET /fast'));
  expect(String(await once(newcomer, 'data'))).toContain('done');
  await expect.poll(() => [busy, idle, halfHead].map(({ closed }) => closed)).toEqual([false, true, false]);
  expect(refusals).toEqual(['connectionsMax']);
});

it('closes a connection that pipelines more than pipelinedMax requests, and no other', async () => {
  const { server } = await newWorld({ pipelinedMax: 3 }, () => {});
  const [modest, greedy] = [open(server, get.repeat(3)), open(server, get.repeat(4))];
  await once(greedy, 'close');
  expect(modest.closed).toBe(false);
});

it('cuts off the oldest unread responses once all take more than unreadBytesMax', async () => {
  const bytes = 8_000_000;
  const { url, refusals } = await newWorld({ unreadBytesMax: 3 * bytes }, (response) => {
    response.end(Buffer.alloc(bytes));
  });
  const unread: IncomingMessage[] = [];
  for (let count = 0; count < 8; count += 1) unread.push(await openResponse(url));
  // No further request arrives: the server checks periodically.
  await expect.poll(() => refusals.length).toBeGreaterThanOrEqual(4);
  const whole = await Promise.all(unread.map((response) => readAll(response)));
  expect(whole.slice(0, 3)).toEqual([false, false, false]);
  expect(whole.slice(-2)).toEqual([true, true]);
  expect(new Set(refusals)).toEqual(new Set(['unreadBytesMax']));
});

it('knows whether a client waits for a response on a connection', async () => {
  const { server, traffic } = await newWorld({}, () => {});
  const client = open(server, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{');
  const [response] = (await nextResponses(server, 1)) as [ServerResponse];
  const { socket } = response.req;
  expect(traffic.isAwaited(socket)).toBe(false);
  response.req.resume();
  client.write('}');
  await expect.poll(() => traffic.isAwaited(socket)).toBe(true);
  response.end();
  await expect.poll(() => traffic.isAwaited(socket)).toBe(false);
});

it('does not answer an invalid request if the client would take it for the previous response', async () => {
  const { schemaOf, release } = holdingSchema();
  const server = await startServer({ schemaOf });
  const body = '{"query":"{ held }"}';
  const head = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  expect(await sendBytes(server.url, [head + body, 'garbage\r\n\r\n'])).toBe('');
  release();
});

it('closes a connection that sends a body in more than a thousand chunks', async () => {
  const server = await startServer();
  const head =
    'POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  expect(await sendBytes(server.url, [head + '1\r\n \r\n'.repeat(1_100)])).toBe('');
  const body = '{"query":"{ __typename }"}';
  const some = `${'1\r\n \r\n'.repeat(900)}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  const last = head.replace('Host: a', 'Host: a\r\nConnection: close');
  expect(await sendBytes(server.url, [last + some])).toContain('"__typename":"Query"');
});

it('answers a request that arrives just after the listener closed', async () => {
  const { server, traffic } = await newWorld({}, (response) => void response.end('done'));
  const late = open(server, get);
  await once(late, 'data');
  const closed = traffic.close({ drainMs: 1 });
  await expect.poll(() => server.listening, { interval: 1 }).toBe(false);
  late.write(get);
  expect(String(await once(late, 'data'))).toContain('done');
  await closed;
});

it('answers a request that arrives after the listener closed and while the process is stalled', async () => {
  const { server, traffic } = await newWorld({}, (response) => void response.end('done'));
  const late = open(server, get);
  await once(late, 'data');
  const closed = traffic.close({ drainMs: 1 });
  await expect.poll(() => server.listening, { interval: 1 }).toBe(false);
  const answered = once(late, 'data');
  await afterPolling(); // timers run next, and only then are arrived requests read
  late.write(get);
  const stalledUntilMs = performance.now() + 300;
  while (performance.now() < stalledUntilMs);
  expect(String(await answered)).toContain('done');
  await closed;
});

it('cuts off a response that takes longer than answerMsMax to be created and read', async () => {
  const { server, refusals } = await newWorld({ answerMsMax: 50 }, () => {});
  await once(open(server, get.repeat(3)), 'close');
  expect(refusals).toEqual(['answerMsMax']);
});

it('cuts off a response that takes longer than answerMsMax even while the server closes', async () => {
  const { server, traffic, refusals } = await newWorld({ answerMsMax: 50 }, () => {});
  const client = open(server, get);
  await once(server, 'request');
  const closed = traffic.close({ drainMs: 1_000 });
  await expect.poll(() => client.closed).toBe(true);
  expect(refusals).toEqual(['answerMsMax']);
  await closed;
});

it('sends Connection: close with every response once the server closes', async () => {
  let answer = (): void => {};
  const { server, traffic } = await newWorld({}, (response) => {
    answer = () => void response.end('done');
  });
  const [idle, busy] = [open(server), open(server)];
  await Promise.all([idle, busy].map((socket) => once(socket, 'connect')));
  busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const closed = traffic.close({ drainMs: 3_000 });
  answer();
  expect(String(await once(busy, 'data'))).toMatch(/connection: close/i);
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  answer();
  expect(String(await once(idle, 'data'))).toMatch(/connection: close/i);
  await closed;
});

it('closes without waiting for idle connections and incomplete requests, and answers complete ones', async () => {
  let answer = (): void => {};
  const { server, traffic } = await newWorld({}, (response) => {
    answer = () => void response.end('done');
  });
  const [idle, halfHead, halfBody] = [
    open(server),
    open(server, 'GET / HT'),
    open(server, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{'),
  ];
  await once(server, 'request');
  const client = open(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const closed = traffic.close({ drainMs: 0 });
  await expect.poll(() => [idle, halfHead, halfBody].every((socket) => socket.closed)).toBe(true);
  answer();
  expect(String(await once(client, 'data'))).toContain('done');
  await closed;
});

it('cuts off responses that are still running closeMsMax after the listener closed', async () => {
  const { server, traffic } = await newWorld({ closeMsMax: 50 }, () => {});
  const client = open(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  await traffic.close({ drainMs: 0 });
  await expect.poll(() => client.closed).toBe(true);
});

/** A schema with a cached field whose load waits until `release` is called. */
function holdingSchema(): { schemaOf: NonNullable<Overrides['schemaOf']>; release: () => void } {
  const { promise: released, resolve: release } = withResolvers<void>();
  const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache }) => {
    const builder = new SchemaBuilder<object>({ plugins: [CachePlugin] });
    builder.queryType({
      fields: (t) => ({
        held: t.int({ cache: { scope: 'public', ttl: '60s' }, resolve: () => released.then(() => 1) }),
      }),
    });
    return builder.toSchema({ cache: { engine: cache } });
  };
  return { schemaOf, release };
}

const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** The responses to the next requests, in their order. */
async function nextResponses(server: Server, count: number): Promise<ServerResponse[]> {
  const responses: ServerResponse[] = [];
  const onRequest = (_request: IncomingMessage, response: ServerResponse): void => void responses.push(response);
  server.on('request', onRequest);
  await expect.poll(() => responses.length).toBe(count);
  server.off('request', onRequest);
  return responses;
}

interface World {
  url: string;
  server: Server;
  traffic: Traffic;
  /** The limits that were exceeded, in order. */
  refusals: string[];
}

async function newWorld(limits: Partial<TrafficLimits>, answer: (response: ServerResponse) => void): Promise<World> {
  const refusals: string[] = [];
  const server = createServer();
  const traffic = new Traffic(server, { limits, onRefusal: (limit) => refusals.push(limit) });
  server.on('request', ({ socket }, response) => {
    if (traffic.opened(socket, response)) answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, traffic, refusals };
}

function open(server: Server, bytes = ''): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  if (bytes !== '') socket.write(bytes);
  return socket;
}

/** Receives the head of a response, whose body is not read yet. */
async function openResponse(url: string): Promise<IncomingMessage> {
  const sent = request(url, { agent: false }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return response;
}

/** Reads the rest of a response. False if it was cut off. */
function readAll(response: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    response
      .on('error', () => {})
      .on('close', () => resolve(response.complete))
      .resume();
  });
}
