/**
 * A load test: rounds, each with some simultaneous requests that bypass the cache, and then as many through it. The sides alternate, so
 * that whatever else the machine does affects both.
 */
import type { Fetcher } from '@graphiql/toolkit';
import type { Operation } from '../request/operation.ts';
import { send, type Reply } from '../request/send.ts';
import { readServerSettings } from '../request/server-settings.ts';
import { simulatedMsIn, type SimulatedLatency } from '../request/simulated-latency.ts';
import type { ComparisonRequest } from '../request/use-request.ts';
import { errorText } from '../words/error-text.ts';

/** One request that was answered. */
export interface Sample {
  readonly ms: number;
  /** The part of it that the server simulated. */
  readonly simulatedMs: number;
  /** Cached fields, by the report. A field that shares another request's load is a miss, as in `cacheStats`. */
  readonly hits: number;
  readonly misses: number;
}

/** The requests of one side in one round. */
export interface SideRound {
  readonly samples: readonly Sample[];
  /** From the first request until the last response. */
  readonly elapsedMs: number;
  readonly errors: number;
}

export interface Round {
  readonly database: SideRound;
  readonly cache: SideRound;
}

export interface RoundsOptions {
  readonly rounds: number;
  /** The number of simultaneous requests. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Is awaited, so that drawing a round does not slow down the next one. */
  readonly onRound: (round: Round) => Promise<void>;
  readonly onError: (message: string) => void;
}

/** A server that only fails is not worth a long test. */
export const errorsInRowMax = 5;

/**
 * @returns `failed` after too many errors in a row.
 * @throws The signal's reason, as soon as it is aborted. The round that is under way is lost.
 */
export async function runRounds(
  { fetcher, schema, sides }: ComparisonRequest,
  { rounds, concurrency, signal, onRound, onError }: RoundsOptions,
): Promise<'done' | 'failed'> {
  const { headers } = sides.cache;
  const { simulatedLatency: latency } = await readServerSettings(fetcher, { schema, headers, signal });
  let errorsInRow = 0;
  const side = { fetcher, latency, concurrency, signal };
  const onEnd = (error: unknown): void => {
    // After the limit, a late success does not save the run.
    if (errorsInRow >= errorsInRowMax) return;
    errorsInRow = error === undefined ? 0 : errorsInRow + 1;
    if (error !== undefined) onError(errorText(error));
  };
  for (let round = 0; round < rounds; round += 1) {
    const database = await runSide(sides.database, { ...side, onEnd });
    const cache = errorsInRow < errorsInRowMax ? await runSide(sides.cache, { ...side, onEnd }) : notRun;
    await onRound({ database, cache });
    if (errorsInRow >= errorsInRowMax) return 'failed';
  }
  return 'done';
}

const notRun: SideRound = { samples: [], elapsedMs: 0, errors: 0 };

interface SideOptions {
  readonly fetcher: Fetcher;
  readonly latency: SimulatedLatency;
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Is called in the order in which the requests end. */
  readonly onEnd: (error: unknown) => void;
}

async function runSide(
  operation: Operation,
  { fetcher, latency, concurrency, signal, onEnd }: SideOptions,
): Promise<SideRound> {
  const samples: Sample[] = [];
  const request = async (): Promise<void> => {
    try {
      samples.push(sampleOf(await send(fetcher, operation, signal), latency));
      onEnd(undefined);
    } catch (error) {
      signal.throwIfAborted();
      onEnd(error);
    }
  };
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: concurrency }, request));
  return { samples, elapsedMs: performance.now() - beganMs, errors: concurrency - samples.length };
}

function sampleOf({ durationMs, report }: Reply, latency: SimulatedLatency): Sample {
  const states = (report?.fields ?? []).map(({ state }) => state);
  return {
    ms: durationMs,
    simulatedMs: simulatedMsIn(report, latency),
    hits: states.filter((state) => state === 'hit' || state === 'stale').length,
    misses: states.filter((state) => state === 'miss' || state === 'shared').length,
  };
}
