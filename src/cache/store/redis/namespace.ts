/** Counts and removes the keys of a namespace in Redis. */
import type { RedisConnection } from './connection.ts';
import { isPropertiesKey } from './properties.ts';
import type { Store } from '../store.ts';

/** Keys that one SCAN step visits; each batch is one UNLINK. */
const scanCount = 250;

interface NamespaceParts extends Pick<RedisConnection, 'send'> {
  readonly namespace: string;
  readonly tokenPrefix: string;
  /** The id of the database, which is not removed. */
  readonly keptKey: string;
}

export function namespaceOf({ send, namespace, tokenPrefix, keptKey }: NamespaceParts): Pick<Store, 'clear' | 'usage'> {
  /**
   * Yields all keys of the namespace in batches, with the number of values among them. The keys of their properties begin with a brace,
   * as those of leases do, which are not among them.
   */
  const scanned = async function* (): AsyncGenerator<{ keys: string[]; values: number }> {
    const prefix = `${namespace}:`;
    for await (const found of scan(send, `*${prefix}*`)) {
      const keys = found.filter((key) => key.startsWith(prefix) || isPropertiesKey(key, namespace));
      const values = keys.filter((key) => key.startsWith(prefix) && !key.startsWith(tokenPrefix));
      if (keys.length > 0) yield { keys, values: values.length };
    }
  };

  return {
    async clear() {
      let keysRemoved = 0;
      for await (const { keys, values } of scanned()) {
        keysRemoved += values;
        const removed = keys.filter((key) => key !== keptKey);
        if (removed.length > 0) await send((redis) => redis.unlink(removed));
      }
      return keysRemoved;
    },

    async usage() {
      let keys = 0;
      for await (const { values } of scanned()) keys += values;
      const [, bytes = '0'] = /^used_memory:(\d+)/m.exec(await send((redis) => redis.info('memory'))) ?? [];
      return { keys, memoryUsed: Number(bytes) };
    },
  };
}

/** Never KEYS: Redis may be shared, and KEYS blocks it for all clients. */
async function* scan(send: RedisConnection['send'], pattern: string): AsyncGenerator<string[]> {
  let cursor = '0';
  do {
    const from = cursor;
    const [next, keys] = await send((redis) => redis.scan(from, 'MATCH', pattern, 'COUNT', scanCount));
    cursor = next;
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}
