import type { Fetcher } from '@graphiql/toolkit';
import { ask, type AskOptions } from './ask.ts';

/** Empties the server's cache. @returns the number of values that were removed. */
export async function flushCache(fetcher: Fetcher, options: AskOptions = {}): Promise<number> {
  const query = 'mutation FlushCache { flushCache { keysRemoved } }';
  const { flushCache: result } = await ask<{ flushCache: { keysRemoved: number } }>(fetcher, { query }, options);
  return result.keysRemoved;
}
