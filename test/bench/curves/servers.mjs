/** The servers of the curves over HTTP, each on the measured core, and what they are asked. */
import { Redis } from 'ioredis';
import { createCache, createRedisStore } from '../../../dist/src/cache/index.js';
import { ask } from '../ask.mjs';
import { loadOn } from '../load-on.mjs';
import { startServer } from '../processes.mjs';

/** All of these share one Redis and its entries. */
const namespace = 'curves';
const database = 20;
const plainDatabase = 21;

/**
 * This project's servers: each is started when it is first asked for, and serves all sections.
 *
 * @returns Gives server `number` of those with so much memory.
 */
export function ownServers({ backends, started }) {
  const running = new Map();
  const open = (memoryMb) => {
    const name = `cachepot (${memoryMb === 0 ? 'Redis' : 'memory'})`;
    const server = { name, program: 'servers/curves.mjs', env: { NODE_ENV: 'production' } };
    const env = { REDIS_URL: backends.redisUrl(database), NAMESPACE: namespace, CACHE_MEMORY_MB: String(memoryMb) };
    return start(started, server, env);
  };
  return (memoryMb, number = 1) => {
    const name = `${memoryMb} ${number}`;
    if (!running.has(name)) running.set(name, open(memoryMb));
    return running.get(name);
  };
}

/** A cache on their entries, to invalidate some. */
export async function openCache({ backends, started }) {
  const store = await createRedisStore({ address: backends.redisUrl(database), namespace, deadlineMs: 1_000 });
  const cache = createCache({ store, deadlineMs: 1_000 });
  started.push(() => cache.close());
  return cache;
}

/** A client of their Redis. */
export function openRedis({ backends, started }) {
  const client = new Redis(backends.redisUrl(database));
  started.push(() => client.disconnect());
  return client;
}

/** Plain `node:http` that has the same answers, in memory or by one GET. */
export async function startPlain({ backends, started }, { cache, answersFile }) {
  const server = { name: `node:http (${cache})`, program: 'servers/plain.mjs', env: { CACHE: cache } };
  return await start(started, server, { REDIS_URL: backends.redisUrl(plainDatabase), ANSWERS: answersFile });
}

async function start(started, server, env) {
  const running = await startServer(server, env);
  started.push(() => running.stop());
  return running;
}

/** The body of a request. In its text and variables `$index` stands for the number of the request. */
export function bodyOf(query, variables) {
  // A number that JSON writes: the number of the request takes the place of the whole text.
  return JSON.stringify({ query, ...(variables === undefined ? {} : { variables }) }).replaceAll('"$index"', '$index');
}

/** A load that goes on where the last one ended, so that what must never come again does not. */
export function loading({ load, ms }) {
  let first = 0;
  return async (servers, body, { connections, share = 1, rate }) => {
    const result = await loadOn(servers, load, { body, connections, ms: share * ms, first, rate });
    first += result.requests + connections;
    return result;
  };
}

/**
 * Asks until it is ready: after the miss comes a hit through GraphQL, and that is what is kept.
 *
 * @returns The answer's whole text, as the servers without a report send it.
 */
export async function warm({ port }, body) {
  let data = '';
  for (let turn = 0; turn < 3; turn += 1) ({ data } = await ask(port, body));
  return `{"data":${data}}`;
}
