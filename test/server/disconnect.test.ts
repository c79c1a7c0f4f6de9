// A client that disconnects while others wait for the load that its request began: over HTTP, through the whole server.
import SchemaBuilder from '@pothos/core';
import { once } from 'node:events';
import { createServer, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import CachePlugin from '../../src/pothos-cache/index.ts';
import { times, withResolvers } from '../cache/world.ts';
import { startServer, type RunningServer } from './start-server.ts';

type Cancel = (signal: AbortSignal) => Promise<string>;

/** Work that is cancelled with the request that it is done for, and how it says so. */
const works: [string, () => Promise<Cancel>][] = [
  ['fetch', async () => (await hangingUpstream()).fetched],
  [
    'fetch whose error is wrapped',
    async () => {
      const { fetched } = await hangingUpstream();
      return (signal) =>
        fetched(signal).catch((cause: unknown) => Promise.reject(new Error('upstream failed', { cause })));
    },
  ],
  [
    'fetch with a reason of its own',
    async () => {
      const { fetched } = await hangingUpstream();
      return (signal) => {
        const own = new AbortController();
        signal.addEventListener('abort', () => own.abort('client gone'));
        return fetched(own.signal);
      };
    },
  ],
  ['a statement of PostgreSQL', async () => sleepInDatabase],
  [
    'a failure that says nothing of it',
    async () => (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('Connection terminated')));
      }),
  ],
];

describe.each(works)('where the load is %s', (_name, workOf) => {
  it.each(['for the first time', 'past Yoga'])('every other request is answered, %s', async (way) => {
    const work = await workOf();
    const { server, loads, begun } = await serverOf(work);
    const query = 'query Slow($id: Int!) { slow(id: $id) }';
    // What was executed once goes the short way.
    if (way === 'past Yoga') await server.ask(query, { id: 0 });
    const before = { loads: loads(), executions: server.executions() };
    const leave = await askAndLeave(server, { query, variables: { id: 1 } });
    await begun;
    const others = times(20, () => server.ask(query, { id: 1 }));
    await expect.poll(() => server.executions() - before.executions).toBe(21);
    leave();
    const answers = await Promise.all(others);
    expect(answers.map(({ data, errors }) => ({ data, errors }))).toEqual(
      times(20, () => ({ data: { slow: 'value' }, errors: [] })),
    );
    expect(loads() - before.loads).toBe(2);
  });
});

/** The load of `id: 1` does `work` the first time; every other load gives its value at once. */
async function serverOf(work: Cancel): Promise<{ server: RunningServer; loads: () => number; begun: Promise<void> }> {
  const { promise: begun, resolve: begin } = withResolvers<void>();
  let loads = 0;
  let worked = 0;
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
              if (id !== 1 || worked > 0) return 'value';
              worked += 1;
              const working = work(signal);
              begin();
              return await working;
            },
          }),
        }),
      });
      return builder.toSchema({ cache: { engine: cache, viewerProperties: [] } });
    },
  });
  return { server, loads: () => loads, begun };
}

/** Sends a request; the returned function closes its connection. */
async function askAndLeave({ url }: RunningServer, body: object): Promise<() => void> {
  const headers = { 'content-type': 'application/json' };
  const sent = request(`${url}/graphql`, { method: 'POST', headers, agent: false });
  sent.on('error', () => {}); // we end it
  sent.end(JSON.stringify(body));
  await once(sent, 'finish');
  return () => sent.destroy();
}

/** A server that never answers. */
async function hangingUpstream(): Promise<{ fetched: Cancel }> {
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
