/** The servers of the curves over HTTP, each on the measured core, and the requests to them. */
import { Redis } from 'ioredis';
import { createCache, createRedisStore } from '../../../dist/src/cache/index.js';
import { ask } from '../ask.mjs';
import { loadOn } from '../load-on.mjs';
import { startServer } from '../processes.mjs';

/** All of these servers share one database of Redis, and its entries. */
const namespace = 'curves';
const database = 20;
const plainDatabase = 21;

/**
 * This project's servers. Each is started when it is first needed, and serves all sections.
 *
 * @returns A function that returns server `number` of those with a memory tier of `memoryMb`.
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

/** A cache on the entries of the servers, to invalidate them. */
export async function openCache({ backends, started }) {
  const store = await createRedisStore({ address: backends.redisUrl(database), namespace, deadlineMs: 1_000 });
  const cache = createCache({ store, deadlineMs: 1_000 });
  started.push(() => cache.close());
  return cache;
}

/** A client of the Redis of the servers. */
export function openRedis({ backends, started }) {
  const client = new Redis(backends.redisUrl(database));
  started.push(() => client.disconnect());
  return client;
}

/** A server of plain `node:http` with the same responses, in memory or by one GET. */
export async function startPlain({ backends, started }, { cache, answersFile }) {
  const server = { name: `node:http (${cache})`, program: 'servers/plain.mjs', env: { CACHE: cache } };
  return await start(started, server, { REDIS_URL: backends.redisUrl(plainDatabase), ANSWERS: answersFile });
}

async function start(started, server, env) {
  const running = await startServer(server, env);
  started.push(() => running.stop());
  return running;
}

/** The body of a request. In its text and variables `$index` is replaced by the number of the request. */
export function bodyOf(query, variables) {
  // As a JSON number: the number of the request replaces the text with its quotes.
  return JSON.stringify({ query, ...(variables === undefined ? {} : { variables }) }).replaceAll('"$index"', '$index');
}

/** A load that continues where the last one ended, so that requests that must be unique are not repeated. */
export function loading({ load, ms }) {
  let first = 0;
  return async (servers, body, { connections, share = 1, rate }) => {
    const result = await loadOn(servers, load, { body, connections, ms: share * ms, first, rate });
    first += result.requests + connections;
    return result;
  };
}

/**
 * Fills the response cache: the first request is a miss, the second a hit through GraphQL, whose response is kept.
 *
 * @returns The whole text of the response, as the servers without a report send it.
 */
export async function warm({ port }, body) {
  let data = '';
  for (let attempt = 0; attempt < 3; attempt += 1) ({ data } = await ask(port, body));
  return `{"data":${data}}`;
}
