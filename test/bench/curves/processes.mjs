/**
 * What several server processes on one Redis cost each other: nothing, also while values are made void.
 *
 * On two cores it cannot be shown how throughput grows: the servers share one core, load, Redis and who invalidates the other.
 * So the requests a second are those of one core, divided among the processes, and what counts is the CPU time of a request,
 * all processes together.
 */
import { createCache, createRedisStore } from '../../../dist/src/cache/index.js';
import { ask } from '../ask.mjs';
import { bodyOf, loading, startCurveServer, warm } from './servers.mjs';

const flat = { flat: 1.25 };
const panel = { x: { label: 'processes', isLog: false } };

export const panels = [
  {
    ...panel,
    title: 'Processes on one Redis',
    unit: 'CPU µs per request, all processes',
    curves: [
      { id: 'cpu', title: 'hits alone', promise: flat },
      { id: 'cpuInvalidated', title: 'with an invalidation each 100 ms', promise: flat },
    ],
  },
  {
    ...panel,
    title: 'The same, requests',
    unit: 'requests/s of one core',
    curves: [
      { id: 'perSecond', title: 'hits alone' },
      { id: 'perSecondInvalidated', title: 'with an invalidation each 100 ms' },
    ],
  },
  {
    ...panel,
    title: 'Loads that an invalidation brings about',
    unit: 'loads per invalidation and field',
    curves: [{ id: 'loads', title: 'all processes together', promise: { most: 1.1 } }],
  },
];

const processesMax = 2;
const fields = 3;
const connections = 32;
const everyMs = 100;
const database = 13;

export async function open(world) {
  const run = loading(world);
  const namespace = 'processes';
  const store = await createRedisStore({ address: world.backends.redisUrl(database), namespace, deadlineMs: 1_000 });
  const cache = createCache({ store, deadlineMs: 1_000 });
  world.started.push(() => cache.close());
  const selection = Array.from({ length: fields }, (_, id) => `f${id}: item(id: ${id}) { id name }`).join(' ');
  const body = bodyOf(`{ ${selection} }`);
  const servers = [];
  for (let number = 0; number < processesMax; number += 1) {
    const server = await startCurveServer(world, { namespace, database, memoryMb: 32 });
    await warm(server, body);
    servers.push(server);
  }

  return servers.map((_, place) => {
    const some = servers.slice(0, place + 1);
    return {
      x: some.length,
      async measure() {
        for (const server of some) await ask(server.port, body);
        const quiet = await run(some, body, { connections });
        const loadsBefore = await loadsOf(some);
        const { result, invalidations } = await whileInvalidating(cache, () =>
          run(some, body, { connections, share: 2 }),
        );
        const loads = (await loadsOf(some)) - loadsBefore;
        return {
          cpu: quiet.cpuUs,
          perSecond: quiet.perSecond,
          cpuInvalidated: result.cpuUs,
          perSecondInvalidated: result.perSecond,
          loads: loads / invalidations / fields,
        };
      },
    };
  });
}

/** An invalidation at once, and then one each 100 ms until the load ends. */
async function whileInvalidating(cache, run) {
  let invalidations = 0;
  const under = new Set();
  const invalidate = () => {
    invalidations += 1;
    const one = cache.invalidate(['items']).finally(() => under.delete(one));
    under.add(one);
  };
  invalidate();
  const timer = setInterval(invalidate, everyMs);
  try {
    return { result: await run(), invalidations };
  } finally {
    clearInterval(timer);
    await Promise.all(under);
  }
}

async function loadsOf(servers) {
  const texts = await Promise.all(
    servers.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  );
  return texts.reduce(
    (sum, text) => sum + Number(/cachepot_load_seconds_count\{[^}]*\} (\d+)/.exec(text)?.[1] ?? 0),
    0,
  );
}
