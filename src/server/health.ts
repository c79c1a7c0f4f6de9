/** Whether this process can answer. Never asks Redis: without it every request is still answered. */

export interface Health {
  /** Whether requests should be sent here, and why. */
  readiness(): Promise<{ isReady: boolean; body: { status: string; database: 'up' | 'down' } }>;
  /** From now on not ready. */
  shuttingDown(): void;
}

/**
 * Ready once the database was reached; in a later outage still ready, because cached values are served.
 *
 * @param ping Resolves when the database answers.
 */
export function createHealth(ping: () => Promise<void>): Health {
  let wasReached = false;
  let isShuttingDown = false;
  let asked: Promise<boolean> | undefined;

  /** One question at a time, however many probes ask. */
  const isUp = (): Promise<boolean> => {
    asked ??= ping()
      .then(
        () => (wasReached = true),
        () => false,
      )
      .finally(() => (asked = undefined));
    return asked;
  };

  return {
    async readiness() {
      const database = (await isUp()) ? 'up' : 'down';
      if (isShuttingDown) return { isReady: false, body: { status: 'shutting down', database } };
      return { isReady: wasReached, body: { status: wasReached ? 'ready' : 'waiting for the database', database } };
    },
    shuttingDown() {
      isShuttingDown = true;
    },
  };
}
