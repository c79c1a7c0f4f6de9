/** Fills the cache with what is requested most: before this process is ready, and after Redis was away, which may have lost it. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GraphQLSchema } from 'graphql';
import type { Cache, WarmUpResult } from '../cache/index.ts';
import { packageFile } from '../package-file.ts';
import { operationTasks, type OperationTask } from '../graphql-cache/index.ts';
import type { Log } from './log.ts';
import { outsideRequests } from './request-scope.ts';

export interface WarmUpParts {
  readonly cache: Pick<Cache, 'warm' | 'on'>;
  readonly schema: GraphQLSchema;
  /** Returns the context of one operation. */
  readonly contextOf: () => object;
  readonly log: Log;
  /** Called with the result of each warm-up. */
  readonly onResult?: (result: WarmUpResult) => void;
  /** The pause between two attempts, in milliseconds. Default: 1,000. */
  readonly retryMs?: number;
}

export interface WarmUp {
  /** Runs the queries, and resolves when they have ended, after half a minute at the latest. It never rejects. */
  run(): Promise<void>;
  close(): void;
}

/** How often it is tried after Redis was away. */
const attemptsMax = 30;

/** Prepares to run the queries of `schema/warm.graphql`. */
export async function prepareWarmUp(parts: WarmUpParts): Promise<WarmUp> {
  const { cache, schema, contextOf, log, onResult = () => {}, retryMs = 1_000 } = parts;
  const document = await readFile(packageFile('schema/warm.graphql'), 'utf8');
  const tasks = operationTasks({ schema, document, context: contextOf });
  const end = new AbortController();
  let isRepeating = false;
  /** Whether Redis was away again meanwhile. */
  let isAgainNeeded = false;

  const report = (result: WarmUpResult): void => {
    logResult(log, result);
    onResult(result);
  };
  const run = async (): Promise<void> => {
    const result = await cache.warm(tasks);
    if (!end.signal.aborted) report(result);
  };
  /** Until the cache takes values again. */
  const runAgain = async (): Promise<void> => {
    isRepeating = true;
    isAgainNeeded = false;
    let result: WarmUpResult | undefined;
    for (let attempt = 0; attempt < attemptsMax && result?.endedBy !== 'completion'; attempt += 1) {
      await sleep(retryMs, undefined, { ref: false, signal: end.signal }).catch(() => {});
      if (end.signal.aborted) return;
      result = await cache.warm(tasks);
      if (result.endedBy === 'timeout') break;
    }
    isRepeating = false;
    if (result !== undefined) report(result);
    if (isAgainNeeded) await runAgain();
  };
  const stopListening = cache.on(({ type }) => {
    const isBack = type === 'connection-ready' || type === 'breaker-closed';
    if (isBack && isRepeating) isAgainNeeded = true;
    else if (isBack) void outsideRequests(runAgain);
  });
  return {
    async run() {
      await outsideRequests(run);
    },
    close() {
      stopListening();
      end.abort();
    },
  };
}

function logResult(log: Log, { succeeded, failures, unfinished, endedBy, durationMs }: WarmUpResult): void {
  const fields = { succeeded, failed: failures.length, unfinished, durationMs: Math.round(durationMs) };
  const [failure] = failures;
  if (failure !== undefined) {
    const { operation } = failure.task as OperationTask;
    log.warn({ ...fields, operation, err: failure.error }, 'warm-up: queries of schema/warm.graphql have failed');
  } else if (endedBy === 'store') log.warn(fields, 'warm-up: not finished, because the cache takes no values now');
  else if (unfinished > 0) log.warn(fields, 'warm-up: not finished in time');
  else log.info(fields, 'warm-up: the queries of schema/warm.graphql have run');
}
