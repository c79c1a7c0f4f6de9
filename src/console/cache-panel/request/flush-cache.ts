import type { Fetcher } from '@graphiql/toolkit';
import type { Operation } from './operation.ts';
import { ownOperation } from './own-operation.ts';
import { send } from './send.ts';

const mutation = 'mutation FlushCache { flushCache { keysRemoved } }';

/** Empties the server's cache. @returns the number of values that were removed. */
export async function flushCache(
  fetcher: Fetcher,
  headers: Operation['headers'],
  signal?: AbortSignal,
): Promise<number> {
  const { data } = await send(fetcher, ownOperation(mutation, { headers }), signal);
  return (data as { flushCache: { keysRemoved: number } }).flushCache.keysRemoved;
}
