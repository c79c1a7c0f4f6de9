/** A load test, as far as it has come. */
import type { ComparisonRequest } from '../request/use-request.ts';
import { runRounds, type Round } from './rounds.ts';

export interface LoadTest {
  readonly operationName: string | undefined;
  /** The number of rounds that it was started with. */
  readonly planned: number;
  readonly concurrency: number;
  readonly rounds: readonly Round[];
  readonly firstError: string | undefined;
  readonly state: 'running' | 'done' | 'stopped' | 'failed';
}

/** How often the page is updated: less often than it takes to notice, so that drawing does not disturb what is measured. */
const publishEveryMs = 250;

/**
 * Runs one, and publishes what it has measured so far.
 *
 * @throws what goes wrong except with a request. After an abort, the test ends as stopped.
 */
export async function runLoadTest(
  request: ComparisonRequest,
  {
    publish,
    ...options
  }: { rounds: number; concurrency: number; signal: AbortSignal; publish: (test: LoadTest) => void },
): Promise<void> {
  const { rounds: planned, concurrency, signal } = options;
  const rounds: Round[] = [];
  let firstError: string | undefined;
  let publishedMs = performance.now();
  const tell = (state: LoadTest['state']): void =>
    publish({
      operationName: request.sides.cache.operationName,
      planned,
      concurrency,
      rounds: [...rounds],
      firstError,
      state,
    });
  const onRound = async (round: Round): Promise<void> => {
    rounds.push(round);
    if (performance.now() - publishedMs < publishEveryMs) return;
    tell('running');
    // After this, the page has been drawn.
    await new Promise((resolve) => setTimeout(resolve));
    publishedMs = performance.now();
  };
  const onError = (message: string): void => void (firstError ??= message);
  tell('running');
  try {
    tell(await runRounds(request, { ...options, onRound, onError }));
  } catch (error) {
    tell('stopped');
    if (!signal.aborted) throw error;
  }
}
