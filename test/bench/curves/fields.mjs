/** How costs grow with the cached fields of an operation: each adds a little, and none a round trip. */
import { ask } from '../ask.mjs';
import { bodyOf, loading, openRedis, warm } from './servers.mjs';

const promise = { linear: 1.1, share: 0.1 };
const panel = { unit: 'CPU µs per request', x: { label: 'cached fields', isLog: false } };
const oneTrip = { most: 1.1 };

export const panels = [
  {
    ...panel,
    title: 'Ready answers by cached fields',
    curves: [
      { id: 'ready', title: 'entries in memory', promise },
      { id: 'readyRedis', title: 'entries in Redis', promise },
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
      { id: 'readyTrips', title: 'ready', promise: oneTrip },
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
    // The document stays and is parsed once; the request is another each time, by a variable that it does not use.
    const never = bodyOf(`{ ${selection} }`, { turn: '$index' });
    return {
      x: count,
      async measure(round) {
        if (round === 0) for (const server of [memory, redis]) await warm(server, same);
        const cost = async (server, body) => (await run([server], body, { connections, share })).cpuUs;
        return {
          ready: await cost(memory, same),
          readyRedis: await cost(redis, same),
          graphql: await cost(memory, never),
          graphqlRedis: await cost(redis, never),
          readyTrips: await trips(client, redis, same),
          graphqlTrips: await trips(client, redis, never),
        };
      },
    };
  });
}

/**
 * How often Redis has read from its connections for a request, one request at a time. Several commands that come in one
 * piece are one reading.
 */
async function trips(client, { port }, body) {
  const before = await readings(client);
  const startedMs = performance.now();
  for (let turn = 0; turn < counted; turn += 1) await ask(port, body.replaceAll('$index', 1e8 + turn));
  const tookMs = performance.now() - startedMs;
  const during = await readings(client);
  await pauseFor(tookMs);
  const others = (await readings(client)) - during;
  return Math.max(0, during - before - others) / counted;
}

async function readings(client) {
  return Number(/total_reads_processed:(\d+)/.exec(await client.info('stats'))?.[1]);
}

function pauseFor(ms) {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
