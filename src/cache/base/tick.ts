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
