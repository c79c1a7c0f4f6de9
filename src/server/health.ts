/** Whether this process can serve requests. Never asks Redis: without it every request is still served. */

export interface Health {
  /** Whether requests should be sent here, and why. */
  readiness(): Promise<{ isReady: boolean; body: { status: string; database: 'up' | 'down' } }>;
  /** Makes it not ready from now on. */
  shuttingDown(): void;
}

/**
 * Ready once the database was reached. In a later outage it stays ready, because cached values are served.
 *
 * @param ping Resolves when the database replies.
 */
export function createHealth(ping: () => Promise<void>): Health {
  let wasReached = false;
  let isShuttingDown = false;
  let asked: Promise<boolean> | undefined;

  /** One ping at a time, however many probes arrive. */
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
