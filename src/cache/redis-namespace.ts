/** All that a namespace has in Redis: counted, and removed. */
import type { Redis } from 'ioredis';
import { rethrow } from './redis-fault.ts';
import type { Store } from './store.ts';

/** Keys that one SCAN step looks at; each batch is one UNLINK. */
const scanCount = 250;

interface NamespaceParts {
  readonly ready: () => Redis;
  readonly namespace: string;
  readonly tokenPrefix: string;
  /** Is not removed: the database stays the same. */
  readonly keptKey: string;
}

export function namespaceOf({
  ready,
  namespace,
  tokenPrefix,
  keptKey,
}: NamespaceParts): Pick<Store, 'clear' | 'usage'> {
  /** All keys of the namespace, some at a time, and how many of them are values. */
  const scanned = async function* (): AsyncGenerator<{ keys: string[]; values: number }> {
    for await (const keys of scan(ready(), `${namespace}:*`)) {
      yield { keys, values: keys.filter((key) => !key.startsWith(tokenPrefix)).length };
    }
  };

  return {
    async clear() {
      let keysRemoved = 0;
      for await (const { keys, values } of scanned()) {
        keysRemoved += values;
        const removed = keys.filter((key) => key !== keptKey);
        if (removed.length > 0) await ready().unlink(removed).catch(rethrow);
      }
      return keysRemoved;
    },

    async usage() {
      let keys = 0;
      for await (const { values } of scanned()) keys += values;
      const [, bytes = '0'] = /^used_memory:(\d+)/m.exec(await ready().info('memory').catch(rethrow)) ?? [];
      return { keys, memoryUsed: Number(bytes) };
    },
  };
}

/** Never KEYS: Redis may be shared, and KEYS stops it for everyone. */
async function* scan(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', scanCount).catch(rethrow);
    cursor = next;
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}
