/**
 * A process with caches that have the tracer and others that do not, with an SDK or without. It answers a message with microseconds of its
 * CPU time for each operation. Fifty fetches at a time are one request, with a span where there is an SDK, so that all reads are traced.
 */
import process, { env } from 'node:process';
import { setImmediate as endOfTick, setTimeout as pause } from 'node:timers/promises';
import { trace } from '@opentelemetry/api';
import { createCache, createPolicy, createRedisStore } from '../../dist/src/cache/index.js';
import { openTelemetryTracer } from '../../dist/src/opentelemetry/index.js';
import { median } from './figures.mjs';

const { VARIANT: variant, NAMESPACE: namespace } = env;
const field = 'Bench.product';
const policy = createPolicy(field, { ttl: '1d', tags: ['products'] });
const product = (id) => ({ id, name: `Kestrel Stainless Steel Handle ${id}`, price: '74.99', stock: 12 });
const keysMax = 100;
const perRequest = 50;
const attemptsMax = 20;

if (variant === 'sdk') await registerSdk();
const cachesWith = async (name, options) => {
  const cacheWith = async (memoryBytesMax) => {
    const store = await createRedisStore({
      address: env.REDIS_URL,
      namespace: `${namespace}-${name}`,
      deadlineMs: 1_000,
    });
    return createCache({ store, memoryBytesMax, deadlineMs: 1_000, ...options });
  };
  const tiered = await cacheWith(32 * 1024 * 1024);
  const keyOf = (id) => tiered.key({ field, args: { id } });
  return { tiered, alone: await cacheWith(0), keyOf, keys: Array.from({ length: keysMax }, (_, id) => keyOf(id)) };
};
const sides = {
  plain: await cachesWith('plain', {}),
  traced: await cachesWith('traced', { tracer: openTelemetryTracer() }),
};
const benchTracer = trace.getTracer('bench');
const unexpectedLoad = () => {
  throw new Error('a value that is there was loaded');
};

/** An exporter that accepts all spans and sends none. */
async function registerSdk() {
  const { BatchSpanProcessor, NodeTracerProvider } = await import('@opentelemetry/sdk-trace-node');
  const exporter = { export: (_spans, done) => done({ code: 0 }), shutdown: async () => {} };
  new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] }).register();
}

async function inRequest(work) {
  await benchTracer.startActiveSpan('request', async (span) => {
    await work();
    span.end();
  });
}

const operations = {
  /** One after another, as they need no round trip. */
  async memoryHit({ tiered, keys }, number) {
    for (let index = 0; index < perRequest; index += 1)
      await tiered.fetch(keys[(number + index) % keysMax], policy, unexpectedLoad);
  },
  /** At once, so that they share round trips, as concurrent fields do. */
  async redisHit({ alone, keys }, number) {
    const some = Array.from({ length: perRequest }, (_, index) => keys[(number + index) % keysMax]);
    await Promise.all(some.map((key) => alone.fetch(key, policy, unexpectedLoad)));
  },
  async miss({ alone, keyOf }, number) {
    const first = keysMax + number * perRequest;
    const some = Array.from({ length: perRequest }, (_, index) => first + index);
    await Promise.all(some.map((id) => alone.fetch(keyOf(id), policy, () => product(id))));
  },
};

/** The numbers of requests of a turn, which takes a few milliseconds. */
const perTurn = { memoryHit: 100, redisHit: 2, miss: 1 };

/** CPU time per fetch, in one turn of one side. */
async function turnOf(side, operation, turn) {
  const count = perTurn[operation];
  const before = process.cpuUsage();
  for (let index = 0; index < count; index += 1)
    await inRequest(() => operations[operation](side, turn * count + index));
  const { user, system } = process.cpuUsage(before);
  if (operation === 'memoryHit' && !side.tiered.memory.isCoherent) throw new NotCoherent();
  return (user + system) / (count * perRequest);
}

/** The sides take turns for `ms`, and who begins alternates. */
async function measure(operation, ms, first) {
  const untilMs = performance.now() + ms;
  const turns = [];
  for (let turn = first; turns.length < 2 || performance.now() < untilMs; turn += 1) {
    await endOfTick(); // the memory tier receives its heartbeats
    const names = turn % 2 === 0 ? ['plain', 'traced'] : ['traced', 'plain'];
    const costs = {};
    for (const name of names) costs[name] = await turnOf(sides[name], operation, turn);
    turns.push(costs);
  }
  const of = (cost) => median(turns.map(cost));
  const ratio = of(({ plain, traced }) => traced / plain);
  return { plain: of(({ plain }) => plain), traced: of(({ traced }) => traced), ratio, next: first + turns.length };
}

/** The memory tier is not coherent for now, because the machine is busy: its hits would come from Redis. */
class NotCoherent extends Error {}

async function measureAll(ms) {
  for (const { alone, keys } of Object.values(sides)) {
    await alone.flush();
    await Promise.all(keys.map((key, id) => alone.fetch(key, policy, () => product(id))));
  }
  const costs = {};
  for (const operation of Object.keys(operations)) {
    const { next } = await retried(operation, ms / 2, 0); // V8 compiles
    costs[operation] = await retried(operation, ms, next);
  }
  return costs;
}

async function retried(operation, ms, first) {
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    try {
      if (operation === 'memoryHit') for (const side of Object.values(sides)) await readIntoMemory(side);
      return await measure(operation, ms, first);
    } catch (error) {
      if (!(error instanceof NotCoherent)) throw error;
      await pause(200);
    }
  }
  throw new Error('the machine is too busy for the memory tier to answer');
}

async function readIntoMemory({ tiered, keys }) {
  for (const _ of [1, 2]) await Promise.all(keys.map((key) => tiered.fetch(key, policy, unexpectedLoad)));
  let isInMemory = true;
  const report = ({ tier }) => (isInMemory &&= tier === 'memory');
  await Promise.all(keys.map((key) => tiered.fetch(key, policy, unexpectedLoad, { report })));
  if (!isInMemory) throw new NotCoherent();
}

process.on('message', ({ ms }) => {
  measureAll(ms).then(
    (costs) => process.send(costs),
    (error) => process.send({ error: error.stack }),
  );
});
process.on('disconnect', () => process.exit());
process.send('ready');
