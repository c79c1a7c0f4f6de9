/** How costs grow with the cached fields of an operation: each adds a little, and none a round trip. */
import { ask } from '../ask.mjs';
import { bodyOf, loading, openRedis, warm } from './servers.mjs';

const promise = { linear: 1.1, share: 0.1 };
const panel = { unit: 'CPU µs per request', x: { label: 'cached fields', isLog: false } };
const oneTrip = { most: 1.1 };

export const panels = [
  {
    ...panel,
    title: 'Cached responses by cached fields',
    curves: [
      { id: 'response', title: 'entries in memory', promise },
      { id: 'responseRedis', title: 'entries in Redis', promise },
    ],
  },
  {
    ...panel,
    title: 'Through GraphQL by cached fields',
    curves: [
      { id: 'graphql', title: 'entries in memory', promise },
      { id: 'graphqlRedis', title: 'entries in Redis', promise },
    ],
  },
  {
    ...panel,
    title: 'Round trips to Redis',
    unit: 'round trips per request',
    curves: [
      { id: 'responseTrips', title: 'cached response', promise: oneTrip },
      { id: 'graphqlTrips', title: 'through GraphQL', promise: oneTrip },
    ],
  },
];

const fieldCounts = [1, 2, 5, 10, 20, 50];
const connections = 32;
const counted = 40;

export async function open(world) {
  const run = loading(world);
  const [memory, redis] = await Promise.all([world.ours(32), world.ours(0)]);
  const client = openRedis(world);
  const share = 0.5;

  return world.small(fieldCounts).map((count) => {
    const selection = Array.from({ length: count }, (_, id) => `f${id}: item(id: ${id}) { id name }`).join(' ');
    const same = bodyOf(`{ ${selection} }`);
    // The document is always the same, so it is parsed once; each request differs by a variable that it does not use.
    const unique = bodyOf(`{ ${selection} }`, { turn: '$index' });
    return {
      x: count,
      async measure(round) {
        if (round === 0) for (const server of [memory, redis]) await warm(server, same);
        const cost = async (server, body) => (await run([server], body, { connections, share })).cpuUs;
        return {
          response: await cost(memory, same),
          responseRedis: await cost(redis, same),
          graphql: await cost(memory, unique),
          graphqlRedis: await cost(redis, unique),
          responseTrips: await trips(client, redis, same),
          graphqlTrips: await trips(client, redis, unique),
        };
      },
    };
  });
}

/**
 * How often Redis reads from its connections per request, one request at a time. Commands that arrive in one piece are
 * one read.
 */
async function trips(client, { port }, body) {
  const before = await readsOf(client);
  const startedMs = performance.now();
  for (let request = 0; request < counted; request += 1) await ask(port, body.replaceAll('$index', 1e8 + request));
  const tookMs = performance.now() - startedMs;
  const during = await readsOf(client);
  await pauseFor(tookMs);
  const others = (await readsOf(client)) - during;
  return Math.max(0, during - before - others) / counted;
}

async function readsOf(client) {
  return Number(/total_reads_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
}

function pauseFor(ms) {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
