/** Receives snapshots of the server's cache, by subscription or else by polling, and reconnects when the connection is lost. */
import type { Fetcher } from '@graphiql/toolkit';
import { ownOperation } from '../request/own-operation.ts';
import { send } from '../request/send.ts';
import { subscribe } from '../request/subscribe.ts';
import { cacheEventsSubscription, cacheSnapshotQuery, type CacheSnapshot } from './cache-snapshot.ts';
import { connectionIs, liveCache, received } from './live-cache.ts';
import { pauseMs, sleep } from './pause.ts';

const pollEveryMs = 2_000;

interface Transport {
  readonly state: 'pushed' | 'polled';
  readonly snapshots: (fetcher: Fetcher, signal: AbortSignal) => AsyncIterable<CacheSnapshot>;
}

const transports: readonly Transport[] = [
  { state: 'pushed', snapshots: pushed },
  { state: 'polled', snapshots: polled },
];

let wake = new AbortController();

/** Ends the pause before the next attempt. */
export function retryNow(): void {
  wake.abort();
}

/** Follows the cache until the signal is aborted. The server's schema has at least one of the two fields. */
export async function follow(fetcher: Fetcher, signal: AbortSignal): Promise<void> {
  // Once one has worked, the other one is not tried any more.
  let candidates = transports;
  let failures = 0;
  connectionIs({ state: 'connecting' });
  while (!signal.aborted) {
    let failure: unknown;
    for (const transport of candidates) {
      const { hasWorked, error } = await receiveAll(transport, fetcher, signal);
      failure = error;
      if (signal.aborted) return;
      if (!hasWorked) continue;
      candidates = [transport];
      failures = 0;
      break;
    }
    failures += 1;
    const ms = pauseMs(failures);
    connectionIs({ state: 'lost', reason: reasonOf(failure), retryMs: Date.now() + ms });
    wake = new AbortController();
    await sleep(ms, AbortSignal.any([signal, wake.signal]));
  }
}

/** Resolves when the connection has ended, with whether there was one. */
async function receiveAll(
  { state, snapshots }: Transport,
  fetcher: Fetcher,
  signal: AbortSignal,
): Promise<{ hasWorked: boolean; error: unknown }> {
  let hasWorked = false;
  try {
    for await (const snapshot of snapshots(fetcher, signal)) {
      if (signal.aborted) break;
      hasWorked = true;
      received(snapshot, state);
    }
    return { hasWorked, error: new Error('The server has ended the connection.') };
  } catch (error) {
    return { hasWorked, error };
  }
}

async function* pushed(fetcher: Fetcher, signal: AbortSignal): AsyncGenerator<CacheSnapshot> {
  const operation = ownOperation(cacheEventsSubscription, { variables: sinceLatest() });
  for await (const data of subscribe(fetcher, operation, signal))
    yield (data as { cacheEvents: CacheSnapshot }).cacheEvents;
}

async function* polled(fetcher: Fetcher, signal: AbortSignal): AsyncGenerator<CacheSnapshot> {
  while (!signal.aborted) {
    const { data } = await send(fetcher, ownOperation(cacheSnapshotQuery, { variables: sinceLatest() }), signal);
    yield (data as { cacheSnapshot: CacheSnapshot }).cacheSnapshot;
    await sleep(pollEveryMs, signal);
  }
}

/** The server sends what has happened since then, so that nothing is lost with a connection. */
function sinceLatest(): { since?: number } {
  const { latest } = liveCache.getState();
  return latest === undefined ? {} : { since: latest.at };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
