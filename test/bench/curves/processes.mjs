/**
 * What several server processes on one Redis cost each other: nothing, even while values are invalidated.
 *
 * Each process receives as many requests as a single one would, so that the CPU time per request, over all processes,
 * can be compared. Two cores cannot show how throughput grows: the servers share one, and load, Redis and this process,
 * which invalidates, share the other. The highest throughput is that of one core, and is only reported.
 */
import { ask } from '../ask.mjs';
import { bodyOf, loading, openCache, warm } from './servers.mjs';

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
    title: 'The same, as many requests as they answer',
    unit: 'requests/s on one core that they share',
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
/** For each process: the number of connections, and the requests per second if a rate is given. */
const connectionsEach = 16;
const rateEach = 1_000;
const everyMs = 100;

export async function open(world) {
  const run = loading(world);
  const cache = await openCache(world);
  const selection = Array.from({ length: fields }, (_, id) => `f${id}: item(id: ${id}) { id name }`).join(' ');
  const body = bodyOf(`{ ${selection} }`);
  const numbers = Array.from({ length: processesMax }, (_, index) => index + 1);
  const servers = await Promise.all(numbers.map((number) => world.ours(32, number)));
  for (const server of servers) await warm(server, body);

  return servers.map((_, place) => {
    const some = servers.slice(0, place + 1);
    return {
      x: some.length,
      async measure() {
        for (const server of some) await ask(server.port, body);
        const connections = connectionsEach * some.length;
        const atRate = { connections, rate: rateEach * some.length };
        const quiet = await run(some, body, atRate);
        const atMost = await run(some, body, { connections });
        const loadsBefore = await loadsOf(some);
        const { result, invalidations } = await whileInvalidating(cache, () =>
          run(some, body, { ...atRate, share: 2 }),
        );
        const loads = (await loadsOf(some)) - loadsBefore;
        const invalidated = await whileInvalidating(cache, () => run(some, body, { connections }));
        return {
          cpu: quiet.cpuUs,
          perSecond: atMost.perSecond,
          cpuInvalidated: result.cpuUs,
          perSecondInvalidated: invalidated.result.perSecond,
          loads: loads / invalidations / fields,
        };
      },
    };
  });
}

/** Invalidates at once, and then every 100 ms until the load ends. */
async function whileInvalidating(cache, run) {
  let invalidations = 0;
  const pending = new Set();
  const invalidate = () => {
    invalidations += 1;
    const one = cache.invalidate(['items']).finally(() => pending.delete(one));
    pending.add(one);
  };
  invalidate();
  const timer = setInterval(invalidate, everyMs);
  try {
    return { result: await run(), invalidations };
  } finally {
    clearInterval(timer);
    await Promise.all(pending);
  }
}

async function loadsOf(servers) {
  const texts = await Promise.all(
    servers.map(async ({ port }) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  );
  return texts.reduce(
    (sum, text) => sum + Number(/cachepot_load_seconds_count\{field="Query.item"\} (\d+)/.exec(text)?.[1] ?? 0),
    0,
  );
}
