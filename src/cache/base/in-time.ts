import type { Clock } from './clock.ts';

/** Returns the result of `work`, or rejects with `lateError()` after `limitMs`; `work` then continues, and its result is ignored. */
export function inTime<T>(
  clock: Clock,
  work: Promise<T>,
  { limitMs, lateError }: { limitMs: number; lateError: () => Error },
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(limitMs, () => reject(lateError()));
    work.then(resolve, reject).finally(cancel);
  });
}
