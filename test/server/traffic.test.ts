import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { Traffic, type TrafficLimits } from '../../src/server/traffic.ts';
import type { GraphqlError } from './client.ts';
import { send } from './raw-request.ts';
import { startServer } from './start-server.ts';

it('executes so many requests at once, and tells the others to come back', async () => {
  const server = await startServer({ simulateLatency: true, trafficLimits: { executedMax: 5 } });
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => send(server.url, { body: '{"query":"{ categoryStats { id } }"}' })),
  );
  const refused = answers.filter(({ status }) => status === 503);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(5);
  expect(refused).toHaveLength(7);
  for (const { text, headers } of refused) {
    const [error] = (JSON.parse(text) as { errors: GraphqlError[] }).errors;
    expect([error?.extensions?.code, headers['retry-after']]).toEqual(['OVERLOADED', '1']);
  }
  expect((await server.row('{ categoryStats { id } }')).state).toBe('hit');
});

it('counts requests that still arrive neither as executed nor as answered', async () => {
  let requests = 0;
  const { url, server, traffic } = await startPlain({ executedMax: 1 }, (response) => {
    requests += 1;
    if (response.req.method === 'GET') response.end('done');
  });
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{';
  const arriving = Array.from({ length: 5 }, () => open(server, head));
  await expect.poll(() => requests).toBe(arriving.length);
  expect((await send(url, { method: 'GET' })).text).toBe('done');
  expect(traffic.takesMore()).toBe(true);
});

it('closes connections beyond its limit as they come, and serves those that it has', async () => {
  const { server } = await startPlain({ connectionsMax: 3 }, (response) => void response.end('done'));
  const taken = Array.from({ length: 3 }, () => open(server));
  await Promise.all(taken.map((socket) => once(socket, 'connect')));
  await once(open(server), 'close');
  taken[0]?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(String(await once(taken[0] as Socket, 'data'))).toContain('done');
});

it('closes a connection that sends more requests ahead than it may, and no other', async () => {
  const { server } = await startPlain({ pipelinedMax: 3 }, () => {});
  const get = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
  const [modest, greedy] = [open(server, get.repeat(3)), open(server, get.repeat(4))];
  await once(greedy, 'close');
  expect(modest.closed).toBe(false);
});

it('cuts the oldest answers off that nobody reads, once they take more than their share', async () => {
  const bytes = 8_000_000;
  const { url, refusals } = await startPlain({ unreadBytesMax: 3 * bytes }, (response) => {
    response.end(Buffer.alloc(bytes));
  });
  const unread: IncomingMessage[] = [];
  for (let count = 0; count < 8; count += 1) unread.push(await openAnswer(url));
  // Nobody comes after them: the server looks by itself.
  await expect.poll(() => refusals.length).toBeGreaterThanOrEqual(4);
  const whole = await Promise.all(unread.map((answer) => readAll(answer)));
  expect(whole.slice(0, 3)).toEqual([false, false, false]);
  expect(whole.slice(-2)).toEqual([true, true]);
  expect(new Set(refusals)).toEqual(new Set(['unreadBytesMax']));
});

it('knows of a connection whether part of an answer is out, where another head would be read as part of it', async () => {
  let response: ServerResponse | undefined;
  const { server, traffic } = await startPlain({}, (opened) => (response = opened));
  const asked = open(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const { socket } = response?.req ?? {};
  if (socket === undefined) throw new Error('nobody asked');
  expect(traffic.isAnswering(socket)).toBe(false);
  response?.write('the beginning');
  await once(asked, 'data');
  expect(traffic.isAnswering(socket)).toBe(true);
  response?.end();
  await expect.poll(() => traffic.isAnswering(socket)).toBe(false);
});

it('cuts off what takes too long to be answered and read', async () => {
  const { url } = await startPlain({ answerMsMax: 50 }, () => {});
  await expect(send(url, { method: 'GET' })).rejects.toThrow('socket hang up');
});

it('says on every answer that the connection closes, once it closes', async () => {
  let answer = (): void => {};
  const { server, traffic } = await startPlain({}, (response) => {
    answer = () => void response.end('done');
  });
  const [idle, busy] = [open(server), open(server)];
  await Promise.all([idle, busy].map((socket) => once(socket, 'connect')));
  busy.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const closed = traffic.close({ drainMs: 1_000 });
  answer();
  expect(String(await once(busy, 'data'))).toMatch(/connection: close/i);
  idle.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  answer();
  expect(String(await once(idle, 'data'))).toMatch(/connection: close/i);
  await closed;
});

it('closes without waiting for those who ask nothing or never finish asking, and answers who has asked', async () => {
  let answer = (): void => {};
  const { server, traffic } = await startPlain({}, (response) => {
    answer = () => void response.end('done');
  });
  const [idle, halfHead, halfBody] = [
    open(server),
    open(server, 'GET / HT'),
    open(server, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{'),
  ];
  await once(server, 'request');
  const asked = open(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  const closed = traffic.close({ drainMs: 0 });
  await expect.poll(() => [idle, halfHead, halfBody].every((socket) => socket.closed)).toBe(true);
  answer();
  expect(String(await once(asked, 'data'))).toContain('done');
  await closed;
});

it('cuts off what is still under way when its patience ends', async () => {
  const { server, traffic } = await startPlain({ closeMsMax: 50 }, () => {});
  const asked = open(server, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await once(server, 'request');
  await traffic.close({ drainMs: 0 });
  await expect.poll(() => asked.closed).toBe(true);
});

interface Plain {
  url: string;
  server: Server;
  traffic: Traffic;
  /** The limits that have ended something. */
  refusals: string[];
}

async function startPlain(limits: Partial<TrafficLimits>, answer: (response: ServerResponse) => void): Promise<Plain> {
  const refusals: string[] = [];
  const server = createServer();
  const traffic = new Traffic(server, { limits, onRefusal: (limit) => refusals.push(limit) });
  server.on('request', (_request, response) => answer(response));
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

/** The head of an answer; the rest is not read yet. */
async function openAnswer(url: string): Promise<IncomingMessage> {
  const sent = request(url, { agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

/** Whether all of it comes. */
function readAll(answer: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    answer
      .on('error', () => {})
      .on('close', () => resolve(answer.complete))
      .resume();
  });
}
