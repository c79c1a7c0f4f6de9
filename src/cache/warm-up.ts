/**
 * Fills the cache before requests arrive: runs tasks that fetch, a few at a time, for a limited time. A fetch whose value exists only
 * reads it, and the lease lets one process load for all that warm up at once.
 */
import { checkOptions, isFunction, type OptionRule } from './base/check-options.ts';
import type { Clock } from './base/clock.ts';
import { CacheError } from './base/errors.ts';
import { sleep } from './base/sleep.ts';
import { LoadScope } from './scope/load-scope.ts';
import type { GuardedStore } from './store/guarded-store.ts';

/** Fetches one or several values, such as `() => cache.fetch(key, policy, load)`. It has failed if it throws or rejects. */
export type WarmUpTask = () => unknown;

/** The options of `Cache.warm`. */
export interface WarmUpOptions {
  /** How many tasks run at once. Default: 4. */
  atOnceMax?: number;
  /** How many tasks begin per second; `Infinity`: any number. Default: 50. */
  perSecondMax?: number;
  /** After this time no task begins, and `warm` does not wait any longer, in milliseconds. Default: 30,000. */
  timeoutMs?: number;
}

/** What a warm-up did. */
export interface WarmUpResult {
  /** The number of tasks that have succeeded. */
  readonly succeeded: number;
  /** The tasks that have failed, with what they threw or rejected with. */
  readonly failures: readonly { readonly task: WarmUpTask; readonly error: unknown }[];
  /** The number of tasks that have not ended. */
  readonly unfinished: number;
  /** Why it has ended: all tasks have, the time was over, the store could not be reached or is full, or the cache was closed. */
  readonly endedBy: 'completion' | 'timeout' | 'store' | 'close';
  readonly durationMs: number;
}

const rules: Readonly<Record<keyof WarmUpOptions, OptionRule>> = {
  atOnceMax: {
    must: 'a whole number, at least 1',
    isRight: (value) => Number.isSafeInteger(value) && Number(value) >= 1,
  },
  perSecondMax: {
    must: 'a number above 0, or Infinity',
    isRight: (value) => typeof value === 'number' && value > 0,
  },
  timeoutMs: {
    must: 'a number of milliseconds above 0, at most 86400000',
    isRight: (value) => typeof value === 'number' && value > 0 && value <= 86_400_000,
  },
};

interface WarmUpParts {
  readonly guarded: Pick<GuardedStore, 'forFetch' | 'isAvailable'>;
  readonly clock: Clock;
}

export class WarmUp {
  readonly #parts: WarmUpParts;
  #isClosed = false;

  constructor(parts: WarmUpParts) {
    this.#parts = parts;
  }

  /** @throws {CacheError} `INVALID_OPTIONS`. */
  async run(tasks: readonly WarmUpTask[], options: WarmUpOptions): Promise<WarmUpResult> {
    checkTasks(tasks);
    checkOptions('warm', options, rules);
    const { clock } = this.#parts;
    const { atOnceMax = 4, perSecondMax = 50, timeoutMs = 30_000 } = options;
    const startedMs = clock.nowMs();
    const why = await this.#whyNotBegin();
    if (why !== undefined) return { ...nothing, unfinished: tasks.length, endedBy: why };
    const stop = keepProcessAlive();
    const waiting = [...tasks];
    const failures: { readonly task: WarmUpTask; readonly error: unknown }[] = [];
    let endedBy: WarmUpResult['endedBy'] = 'completion';
    let succeeded = 0;
    let nextMs = startedMs;
    const mayBegin = async (): Promise<boolean> => {
      const beginMs = Math.max(nextMs, clock.nowMs());
      nextMs = beginMs + 1_000 / perSecondMax;
      await sleep(clock, Math.min(beginMs - clock.nowMs(), timeoutMs)).promise;
      if (endedBy === 'completion') endedBy = this.#whyNotGoOn() ?? 'completion';
      return endedBy === 'completion';
    };
    const runAll = async (): Promise<void> => {
      for (let task = waiting.shift(); task !== undefined && (await mayBegin()); task = waiting.shift()) {
        try {
          await LoadScope.outside(task);
          succeeded += 1;
        } catch (error) {
          failures.push({ task, error });
        }
      }
    };
    const timeout = sleep(clock, timeoutMs);
    const isComplete = Promise.all(tasks.slice(0, atOnceMax).map(runAll)).then(() => true);
    if ((await Promise.race([isComplete, timeout.promise])) !== true) endedBy = 'timeout';
    timeout.cancel();
    stop();
    // Otherwise what was loaded may not be stored.
    if (endedBy === 'completion') endedBy = (await this.#whyNotBegin()) ?? 'completion';
    const unfinished = tasks.length - succeeded - failures.length;
    return { succeeded, failures: [...failures], unfinished, endedBy, durationMs: clock.nowMs() - startedMs };
  }

  /** No further task begins. */
  close(): void {
    this.#isClosed = true;
  }

  async #whyNotBegin(): Promise<'store' | 'close' | undefined> {
    return this.#whyNotGoOn() ?? ((await this.#parts.guarded.isAvailable()) ? undefined : 'store');
  }

  #whyNotGoOn(): 'store' | 'close' | undefined {
    if (this.#isClosed) return 'close';
    const store = this.#parts.guarded.forFetch();
    // Without the store, loads would only burden the source.
    return store.isBypassed || store.isFull ? 'store' : undefined;
  }
}

const nothing = { succeeded: 0, failures: [], durationMs: 0 };

/** A program that warms up before it listens has nothing else that keeps it alive: the clock's timers do not. */
function keepProcessAlive(): () => void {
  const timer = setInterval(() => {}, 60_000);
  return () => clearInterval(timer);
}

function checkTasks(tasks: unknown): void {
  if (Array.isArray(tasks) && tasks.every(isFunction)) return;
  const got = Array.isArray(tasks) ? 'a list with something else in it' : typeof tasks;
  throw new CacheError('INVALID_OPTIONS', `warm: the tasks must be a list of functions, got ${got}`);
}
