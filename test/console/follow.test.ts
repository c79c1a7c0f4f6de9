// The connection of Live, without a page.
import type { Fetcher } from '@graphiql/toolkit';
import { expect, it } from 'vitest';
import type { CacheSnapshot } from '../../src/console/cache-panel/live-cache/cache-snapshot.ts';
import { follow } from '../../src/console/cache-panel/live-cache/follow.ts';
import { liveCache } from '../../src/console/cache-panel/live-cache/live-cache.ts';

const snapshot: CacheSnapshot = {
  at: 1_000,
  hits: 1,
  misses: 0,
  loads: 0,
  keys: 1,
  memoryUsed: 100,
  backend: 'REDIS',
  isStoreAvailable: true,
  isCircuitOpen: false,
  events: [],
};
const headers = { authorization: 'Bearer open-sesame' };

/** Follows until a snapshot has arrived, and returns how, and the headers of each request. */
async function firstSnapshot(isSubscriptionRefused: boolean): Promise<{ state: string; sent: unknown[] }> {
  const stop = new AbortController();
  const sent: unknown[] = [];
  const fetcher: Fetcher = async function* ({ query }, options) {
    sent.push(options?.headers);
    if (!query.startsWith('subscription')) yield { data: { cacheSnapshot: snapshot } };
    else if (isSubscriptionRefused) yield { errors: [{ message: 'no subscriptions here' }] };
    else yield { data: { cacheEvents: snapshot } };
  };
  const arrived = new Promise<string>((resolve) => {
    liveCache.subscribe(({ latest, connection: { state } }) => latest !== undefined && resolve(state));
  });
  const following = follow({ fetcher, headers: () => headers }, stop.signal);
  const state = await arrived;
  stop.abort();
  await following;
  liveCache.setState({ latest: undefined });
  return { state, sent };
}

it('subscribes, and polls if that is refused, with the headers that the user has entered', async () => {
  expect(await firstSnapshot(false)).toEqual({ state: 'pushed', sent: [headers] });
  expect(await firstSnapshot(true)).toEqual({ state: 'polled', sent: [headers, headers] });
});
