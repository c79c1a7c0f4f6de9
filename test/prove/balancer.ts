/**
 * A minimal load balancer: round robin over the servers whose `/readyz` returns 200, probed every 100 ms, over
 * keep-alive connections. It never repeats a request: one that a server loses is lost for the client, too.
 */
import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { onTestFinished } from 'vitest';

const probeEveryMs = 100;

export interface Balancer {
  readonly url: string;
  /** Whether requests are sent to the server at `url`. */
  isUsed: (url: string) => boolean;
}

export async function startBalancer(urls: readonly string[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  const used = new Set<string>();
  let next = 0;

  const probe = async (url: string): Promise<void> => {
    const status = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(500) }).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) used.add(url);
    else used.delete(url);
  };
  const forward = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const servers = [...used];
    next += 1;
    const server = servers[next % servers.length];
    if (server === undefined) throw new Error('no server is ready');
    const { method, headers, url = '/' } = incoming;
    const { connection: _ours, ...others } = headers;
    const sent = request(`${server}${url}`, { method: method ?? 'GET', headers: others, agent });
    void pipeline(incoming, sent).catch(() => {}); // a failure shows in the response
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    const { connection: _theirs, 'keep-alive': _theirHint, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, rest);
    await pipeline(answer, response); // a truncated response is truncated for the client, too
  };

  const balancer = createServer((incoming, response) => {
    forward(incoming, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(String(error));
    });
  });
  balancer.listen(0, '127.0.0.1');
  await once(balancer, 'listening');
  const probing = setInterval(() => void Promise.all(urls.map(probe)), probeEveryMs);
  onTestFinished(() => {
    clearInterval(probing);
    balancer.closeAllConnections();
    balancer.close();
    agent.destroy();
  });
  return { url: `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`, isUsed: (url) => used.has(url) };
}
