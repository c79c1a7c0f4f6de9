/** The servers of the curves over HTTP, each on the measured core, and what they are asked. */
import { ask } from '../ask.mjs';
import { loadOn } from '../load-on.mjs';
import { startServer } from '../processes.mjs';

/** This project's server; those with one `namespace` and `database` share their entries. */
export async function startCurveServer({ backends, started }, { namespace, database, memoryMb }) {
  const name = `cachepot (${memoryMb === 0 ? 'Redis' : 'memory'})`;
  const server = { name, program: 'servers/curves.mjs', env: { NODE_ENV: 'production' } };
  return await start(started, server, {
    REDIS_URL: backends.redisUrl(database),
    NAMESPACE: namespace,
    CACHE_MEMORY_MB: String(memoryMb),
  });
}

/** Plain `node:http` that has the same answers, in memory or by one GET. */
export async function startPlain({ backends, started }, { cache, database, answersFile }) {
  const server = { name: `node:http (${cache})`, program: 'servers/plain.mjs', env: { CACHE: cache } };
  return await start(started, server, { REDIS_URL: backends.redisUrl(database), ANSWERS: answersFile });
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
  return async (servers, body, { connections, share = 1 }) => {
    const result = await loadOn(servers, load, { body, connections, ms: share * ms, first });
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
