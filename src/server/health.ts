/** Whether requests should be sent to this process. Never asks Redis: without it every request is still served. */

export interface Health {
  /** Whether requests should be sent here, and why. */
  readiness(): Promise<{ isReady: boolean; body: { status: string; database: 'up' | 'down' } }>;
  /** Makes it not ready from now on. */
  shuttingDown(): void;
}

export interface HealthParts {
  /** Resolves when the database replies. */
  readonly ping: () => Promise<void>;
  /** Called once, after the database was first reached; the process is not ready until it resolves. It must not reject. */
  readonly warmUp?: (() => Promise<void>) | undefined;
}

/**
 * Ready once the database was reached and the cache is warm. In a later outage it stays ready, because cached values are served.
 */
export function createHealth({ ping, warmUp }: HealthParts): Health {
  let wasReached = false;
  let isWarm = warmUp === undefined;
  let isShuttingDown = false;
  let asked: Promise<boolean> | undefined;

  /** One ping at a time, however many probes arrive. */
  const isUp = (): Promise<boolean> => {
    asked ??= ping()
      .then(
        () => {
          if (!wasReached) void warmUp?.().finally(() => (isWarm = true));
          return (wasReached = true);
        },
        () => false,
      )
      .finally(() => (asked = undefined));
    return asked;
  };

  return {
    async readiness() {
      const database = (await isUp()) ? 'up' : 'down';
      if (isShuttingDown) return { isReady: false, body: { status: 'shutting down', database } };
      if (!wasReached) return { isReady: false, body: { status: 'waiting for the database', database } };
      return { isReady: isWarm, body: { status: isWarm ? 'ready' : 'warming up the cache', database } };
    },
    shuttingDown() {
      isShuttingDown = true;
    },
  };
}
