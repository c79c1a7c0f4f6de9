// A client disconnects while other requests wait for the load that its request began: over HTTP, through the whole server.
import SchemaBuilder from '@pothos/core';
import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { times, withResolvers } from '../cache/world.ts';
import { startServer, type RunningServer } from './start-server.ts';

type Load = (signal: AbortSignal) => Promise<string>;

/** Loads that are cancelled when their client disconnects, each with another error. */
const loadsThatCancel: [string, () => Promise<Load>][] = [
  ['a fetch', async () => (await startHangingUpstream()).fetched],
  [
    'a fetch whose error is wrapped',
    async () => {
      const { fetched } = await startHangingUpstream();
      return (signal) =>
        fetched(signal).catch((cause: unknown) => Promise.reject(new Error('upstream failed', { cause })));
    },
  ],
  [
    'a fetch that is aborted with a reason of its own',
    async () => {
      const { fetched } = await startHangingUpstream();
      return (signal) => {
        const own = new AbortController();
        signal.addEventListener('abort', () => own.abort('client gone'));
        return fetched(own.signal);
      };
    },
  ],
  ['a PostgreSQL statement', async () => sleepInDatabase],
  [
    'a promise that rejects with an unrelated error',
    async () => (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Connection terminated')));
      }),
  ],
];

describe.each(loadsThatCancel)('if the load is %s', (_name, newLoad) => {
  it.each(['by Yoga', 'on the fast path'])('every other request gets the value, executed %s', async (path) => {
    const load = await newLoad();
    const { server, loads, started } = await newWorld(load);
    const query = 'query Slow($id: Int!) { slow(id: $id) }';
    // A document that was executed before takes the executed-document fast path.
    if (path === 'on the fast path') await server.ask(query, { id: 0 });
    const before = { loads: loads(), executions: server.executions() };
    const disconnect = await openRequest(server, { query, variables: { id: 1 } });
    await started;
    const others = times(20, () => server.ask(query, { id: 1 }));
    await expect.poll(() => server.executions() - before.executions).toBe(21);
    disconnect();
    const responses = await Promise.all(others);
    expect(responses.map(({ data, errors }) => ({ data, errors }))).toEqual(
      times(20, () => ({ data: { slow: 'value' }, errors: [] })),
    );
    expect(loads() - before.loads).toBe(2);
  });
});

/** The first resolver call with `id: 1` runs `load`; every other call returns its value at once. */
async function newWorld(load: Load): Promise<{ server: RunningServer; loads: () => number; started: Promise<void> }> {
  const { promise: started, resolve: start } = withResolvers<void>();
  let loads = 0;
  let slowLoads = 0;
  const server = await startServer({
    schemaOf({ cache }) {
      const builder = new SchemaBuilder<{ Context: { request: Request; res: ServerResponse } }>({
        plugins: [CachePlugin],
      });
      builder.queryType({
        fields: (t) => ({
          slow: t.string({
            args: { id: t.arg.int({ required: true }) },
            cache: { scope: 'public', ttl: '1m' },
            async resolve(_parent, { id }, { request: { signal } }) {
              loads += 1;
              if (id !== 1 || slowLoads > 0) return 'value';
              slowLoads += 1;
              const loading = load(signal);
              start();
              return await loading;
            },
          }),
        }),
      });
      return builder.toSchema({ cache: { engine: cache, viewerProperties: [] } });
    },
  });
  return { server, loads: () => loads, started };
}

/** Sends a request; the returned function closes its connection. */
async function openRequest({ url }: RunningServer, body: object): Promise<() => void> {
  const headers = { 'content-type': 'application/json' };
  const sent = request(`${url}/graphql`, { method: 'POST', headers, agent: false });
  sent.on('error', () => {}); // the test destroys it
  sent.end(JSON.stringify(body));
  await once(sent, 'finish');
  return () => sent.destroy();
}

/** Starts a server that never responds. */
async function startHangingUpstream(): Promise<{ fetched: Load }> {
  const upstream = createServer(() => {}).listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  onTestFinished(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const { port } = upstream.address() as AddressInfo;
  return { fetched: async (signal) => await (await fetch(`http://127.0.0.1:${port}`, { signal })).text() };
}

async function sleepInDatabase(signal: AbortSignal): Promise<string> {
  const pool = new Pool({ connectionString: inject('databaseUrl') });
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const cancel = (): void => void pool.query('select pg_cancel_backend($1)', [rows[0]?.pid]);
    const sleeping = client.query('select pg_sleep(60)');
    signal.addEventListener('abort', cancel);
    if (signal.aborted) cancel();
    await sleeping;
    return 'slept';
  } finally {
    client.release();
    await pool.end();
  }
}
