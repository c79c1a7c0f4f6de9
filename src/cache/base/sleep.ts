import type { Clock } from './clock.ts';

/** A promise that resolves after `delayMs`, at once if that is 0 or less, and a function after which it never resolves. */
export function sleep(
  clock: Clock,
  delayMs: number,
): { readonly promise: Promise<undefined>; readonly cancel: () => void } {
  if (delayMs <= 0) return { promise: Promise.resolve(undefined), cancel: () => {} };
  let cancel = (): void => {};
  const promise = new Promise<undefined>((resolve) => {
    cancel = clock.after(delayMs, () => resolve(undefined));
  });
  return { promise, cancel };
}
