/** Texts in Redis that are not cached values: outside of the namespace, so that a flush does not find them. */
import type { RedisConnection } from './connection.ts';
import type { Store } from '../store.ts';
import { dataTtlMs } from '../stored-data.ts';

interface KeptTextsParts extends Pick<RedisConnection, 'send' | 'wrote'> {
  readonly namespace: string;
}

export function keptTexts({ send, wrote, namespace }: KeptTextsParts): Pick<Store, 'getData' | 'setData'> {
  const keyOf = (name: string): string => `${namespace}-data:${name}`;
  return {
    async getData(name) {
      return (await send((redis) => redis.get(keyOf(name)))) ?? undefined;
    },

    async setData(name, text) {
      await send((redis) => redis.set(keyOf(name), text, 'PX', dataTtlMs));
      wrote();
    },
  };
}
