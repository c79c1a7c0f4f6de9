/** Receives snapshots of the server's cache, by subscription or else by polling, and reconnects when the connection is lost. */
import type { Fetcher } from '@graphiql/toolkit';
import type { Operation } from '../request/operation.ts';
import { ownOperation } from '../request/own-operation.ts';
import { send } from '../request/send.ts';
import { subscribe } from '../request/subscribe.ts';
import { cacheEventsSubscription, cacheSnapshotQuery, type CacheSnapshot } from './cache-snapshot.ts';
import { connectionIs, liveCache, received } from './live-cache.ts';
import { pauseMs, sleep } from './pause.ts';
import { formatDuration } from '../words/format-duration.ts';
import { errorText } from '../words/error-text.ts';

const pollEveryMs = 2_000;
/** A server sends a snapshot every second, or when it is asked. One that is silent for longer hangs, or is out of reach. */
export const silentMsMax = 10_000;

/** Where snapshots come from. */
export interface Source {
  readonly fetcher: Fetcher;
  /** Those that the user has entered, at the time of the call. */
  readonly headers: () => Operation['headers'];
}

interface Transport {
  readonly state: 'pushed' | 'polled';
  readonly snapshots: (source: Source, signal: AbortSignal) => AsyncIterable<CacheSnapshot>;
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
export async function follow(source: Source, signal: AbortSignal): Promise<void> {
  // Once one has worked, the other one is not tried any more.
  let candidates = transports;
  let failures = 0;
  connectionIs({ state: 'connecting' });
  while (!signal.aborted) {
    let failure: unknown;
    for (const transport of candidates) {
      const { hasWorked, error } = await receiveAll(transport, source, signal);
      failure = error;
      if (signal.aborted) return;
      if (!hasWorked) continue;
      candidates = [transport];
      failures = 0;
      break;
    }
    failures += 1;
    const ms = pauseMs(failures);
    connectionIs({ state: 'lost', reason: errorText(failure), retryMs: Date.now() + ms });
    wake = new AbortController();
    await sleep(ms, AbortSignal.any([signal, wake.signal]));
  }
}

/** Resolves when the connection has ended, with whether there was one. */
async function receiveAll(
  { state, snapshots }: Transport,
  source: Source,
  signal: AbortSignal,
): Promise<{ hasWorked: boolean; error: unknown }> {
  let hasWorked = false;
  const silence = new SilenceTimer();
  try {
    for await (const snapshot of snapshots(source, AbortSignal.any([signal, silence.signal]))) {
      if (signal.aborted) break;
      silence.begin();
      hasWorked = true;
      received(snapshot, state);
    }
    return { hasWorked, error: new Error('The server has ended the connection.') };
  } catch (error) {
    return { hasWorked, error };
  } finally {
    silence.end();
  }
}

/** Aborts its signal when nothing has been received for too long. */
class SilenceTimer {
  readonly #tooLong = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.begin();
  }

  get signal(): AbortSignal {
    return this.#tooLong.signal;
  }

  begin(): void {
    this.end();
    const error = new Error(`The server has sent nothing for ${formatDuration(silentMsMax)}.`);
    this.#timer = setTimeout(() => this.#tooLong.abort(error), silentMsMax);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}

async function* pushed({ fetcher, headers }: Source, signal: AbortSignal): AsyncGenerator<CacheSnapshot> {
  const operation = ownOperation(cacheEventsSubscription, { variables: sinceLatest(), headers: headers() });
  for await (const data of subscribe(fetcher, operation, signal))
    yield (data as { cacheEvents: CacheSnapshot }).cacheEvents;
}

async function* polled({ fetcher, headers }: Source, signal: AbortSignal): AsyncGenerator<CacheSnapshot> {
  while (!signal.aborted) {
    const operation = ownOperation(cacheSnapshotQuery, { variables: sinceLatest(), headers: headers() });
    const { data } = await send(fetcher, operation, signal);
    yield (data as { cacheSnapshot: CacheSnapshot }).cacheSnapshot;
    await sleep(pollEveryMs, signal);
  }
}

/** The server sends what has happened since then, so that nothing is lost with a connection. */
function sinceLatest(): { since?: number } {
  const { latest } = liveCache.getState();
  return latest === undefined ? {} : { since: latest.at };
}
