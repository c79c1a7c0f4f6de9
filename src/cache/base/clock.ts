/** Time as the engine sees it. Tests bring a clock of their own and advance it by hand. */
export interface Clock {
  /** Milliseconds on a monotonic clock; only differences mean anything. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. A pending task does not keep the process up. */
  after(delayMs: number, task: () => void): () => void;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, task) {
    let isCancelled = false;
    // After a stall of this process all timers are due before anything that has arrived meanwhile is read: one turn more,
    // and an answer that came in time is heard in time.
    const timer = setTimeout(() => setImmediate(() => isCancelled || task()), delayMs).unref();
    return () => {
      isCancelled = true;
      clearTimeout(timer);
    };
  },
};
