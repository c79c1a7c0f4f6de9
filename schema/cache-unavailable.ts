import { GraphQLError } from 'graphql';
import { CacheError } from '../src/cache/index.ts';

/** @throws {GraphQLError} `CACHE_UNAVAILABLE` if the store cannot be reached. */
export async function reachable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof CacheError) || error.code !== 'STORE_UNAVAILABLE') throw error;
    throw new GraphQLError('The cache cannot be reached.', { extensions: { code: 'CACHE_UNAVAILABLE' } });
  }
}
