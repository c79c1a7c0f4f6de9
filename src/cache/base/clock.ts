/** The engine's source of time. Tests pass a clock of their own and advance it by hand. */
export interface Clock {
  /** Milliseconds on a monotonic clock; only differences are meaningful. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. A pending task does not keep the process alive. */
  after(delayMs: number, task: () => void): () => void;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, task) {
    let isCancelled = false;
    // After this process was stalled, timers run before replies that have arrived meanwhile are read. One more tick lets a
    // reply that arrived in time be read in time.
    const timer = setTimeout(() => setImmediate(() => isCancelled || task()), delayMs).unref();
    return () => {
      isCancelled = true;
      clearTimeout(timer);
    };
  },
};

let ending: Promise<void> | undefined;

/**
 * Resolves at the end of this tick of the event loop: after the timers that are due, and after everything that has arrived on
 * its sockets, have been handled.
 */
export function endOfTick(): Promise<void> {
  ending ??= new Promise((resolve) => {
    setImmediate(() => {
      ending = undefined;
      resolve();
    });
  });
  return ending;
}
