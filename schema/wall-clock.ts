/** The time of day, and timers: for what people watch. Tests pass a clock of their own. */
export interface WallClock {
  /** Milliseconds since 1970. */
  nowMs(): number;
  /** Runs `task` once after `delayMs`; the returned function cancels it. A pending task does not keep the process alive. */
  after(delayMs: number, task: () => void): () => void;
}

/** The machine's clock. */
export const systemWallClock: WallClock = {
  nowMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs).unref();
    return () => clearTimeout(timer);
  },
};
