/**
 * Resolves when this turn of the event loop is over: when the timers that are due, and all that its sockets have brought,
 * have had their say.
 */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
