import type { WallClock } from './wall-clock.ts';

/** A Redis that this process has started for itself. */
export interface PrivateRedis {
  /** Resolves when it runs. */
  start(): Promise<void>;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/** For how long it may be stopped. */
export const stoppedMsMax = 60_000;

/** Starts a Redis again that was left stopped, as by a page that was closed meanwhile. */
export class SelfStartingRedis implements PrivateRedis {
  readonly #redis: PrivateRedis;
  readonly #clock: Pick<WallClock, 'after'>;
  #cancel = (): void => {};

  constructor(redis: PrivateRedis, clock: Pick<WallClock, 'after'>) {
    this.#redis = redis;
    this.#clock = clock;
  }

  async stop(): Promise<void> {
    this.#cancel();
    // Not only once it has stopped, which a page that is left does not wait for.
    this.#cancel = this.#clock.after(stoppedMsMax, () => void this.#redis.start().catch(() => {})); // the console says that it is unavailable
    await this.#redis.stop();
  }

  async start(): Promise<void> {
    this.#cancel();
    await this.#redis.start();
  }
}
