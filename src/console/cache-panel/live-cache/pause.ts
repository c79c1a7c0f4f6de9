/** Pauses between attempts to reach a server. */

const firstMs = 1_000;
const maxMs = 30_000;

/** The pause after that many failed attempts in a row: twice as long each time, and at most half a minute. */
export function pauseMs(failures: number, random: () => number = Math.random): number {
  const ms = Math.min(maxMs, firstMs * 2 ** (failures - 1));
  // Not all clients of a server that has restarted should come back at once.
  return Math.round(ms * (0.75 + 0.25 * random()));
}

/** Resolves after `ms`, or at once when the signal is aborted. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
