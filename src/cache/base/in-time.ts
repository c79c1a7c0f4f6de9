import type { Clock } from './clock.ts';

/** The result of `work`, or a rejection with `lateError` after `limitMs`. Then `work` goes on, and its result is ignored. */
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
