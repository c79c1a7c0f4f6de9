/**
 * `npm run trace -- hit|miss|invalidate`: lists the files of the engine that one call passes through, by V8's function
 * coverage. A file is listed if one of its functions runs between the call and its result. The key and the policy are
 * created before.
 */
import { Session } from 'node:inspector/promises';
import { stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { Argument, Command, Option } from 'commander';
import { createCache, createMemoryStore, createPolicy, createRedisStore } from '../../dist/src/cache/index.js';
import { startRedis } from '../../dist/src/embedded/index.js';

const engine = new URL('../../dist/src/cache/', import.meta.url).href;
const policy = createPolicy('Query.product', { ttl: '60s', tags: ['products'] });

/** The call that is traced, and what has to happen before. */
const calls = {
  hit: { before: fetchFrom, call: fetchFrom },
  miss: { before: () => {}, call: fetchFrom },
  invalidate: { before: fetchFrom, call: ({ cache }) => cache.invalidate(['products']) },
};

await new Command('npm run trace --')
  .description('Lists the files of the engine that one call passes through.')
  .addArgument(new Argument('<call>', 'what to trace').choices(Object.keys(calls)))
  .addOption(new Option('--store <store>', 'the store').choices(['memory', 'redis']).default('memory'))
  .showHelpAfterError('(--help shows the usage)')
  .action(trace)
  .parseAsync();

async function trace(name, { store }) {
  const { cache, close } = store === 'redis' ? await newRedisCache() : newMemoryCache();
  try {
    const { before, call } = calls[name];
    // The first round triggers all that is loaded and connected lazily.
    const [first, second] = ['first', 'second'].map((id) => {
      return { cache, key: cache.key({ field: 'Query.product', args: { id } }) };
    });
    await before(first);
    await call(first);
    await before(second);
    const files = await filesRunBy(() => call(second));
    stdout.write(`${name}: ${files.length} files\n${files.map((file) => `  ${file}\n`).join('')}`);
  } finally {
    await close();
  }
}

function fetchFrom({ cache, key }) {
  return cache.fetch(key, policy, async () => ({ name: 'Rose' }));
}

function newMemoryCache() {
  const cache = createCache({ store: createMemoryStore({ namespace: 'trace' }), log: false });
  return { cache, close: () => cache.close() };
}

async function newRedisCache() {
  const redis = await startRedis();
  if (redis === null) throw new Error('neither redis-server nor valkey-server is on the PATH');
  let onReady = () => {};
  const ready = new Promise((resolve) => void (onReady = resolve));
  const store = await createRedisStore({ address: redis.socketPath, namespace: 'trace', onReady });
  const cache = createCache({ store, log: false });
  await ready;
  return {
    cache,
    async close() {
      await cache.close();
      await redis.stop();
    },
  };
}

/** The files of the engine in which a function runs during `work`. */
async function filesRunBy(work) {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  await session.post('Profiler.takePreciseCoverage'); // resets the counts
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const run = result.filter(({ url, functions }) => url.startsWith(engine) && functions.some(hasRun));
  return run.map(({ url }) => fileURLToPath(url).slice(fileURLToPath(engine).length)).toSorted();
}

/** The function without a name that spans a whole file is its module, which runs when it is loaded. */
function hasRun({ functionName, ranges: [range] }) {
  return range.count > 0 && (functionName !== '' || range.startOffset > 0);
}
