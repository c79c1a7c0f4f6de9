let ending: Promise<void> | undefined;

/**
 * Resolves when this turn of the event loop is over: when the timers that are due, and all that its sockets have brought,
 * have had their say.
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
