/**
 * The processes of the engine, one for each number of entries, each with its own database of Redis and namespace. They
 * end with their section.
 */
import { once } from 'node:events';
import { startNode, tell } from '../processes.mjs';

export async function startWorker({ backends, own }, { entries, database }) {
  const child = startNode(['curves/engine-worker.mjs'], {
    core: 0,
    env: { REDIS_URL: backends.redisUrl(database), NAMESPACE: `entries-${entries}`, ENTRIES: String(entries) },
  });
  own.push(() => child.kill());
  await once(child, 'message');
  return async (call, task = {}) => {
    const result = await tell(child, { call, ...task });
    if (result.error !== undefined) throw new Error(`${entries} entries, ${call}: ${result.error}`);
    return result;
  };
}
