/**
 * Ends a connection that stays silent for a second while a reply is due, so that a new one is made: the server hangs, or the
 * network has dropped the connection silently.
 *
 * ioredis' `socketTimeout` does this too, but its timer runs before received data is read: a process that was busy for a second
 * would end a connection whose reply has arrived. So the second counts on the clock of deadlines.
 */
import type { Redis } from 'ioredis';
import type { ResponsiveClock } from '../responsive-clock.ts';

const silenceMsMax = 1_000;

export class RedisSilence {
  readonly #redis: Redis;
  readonly #clock: ResponsiveClock;
  /** The number of replies that are due. */
  #due = 0;
  #cancel = (): void => {};

  /** @param redis Its handshakes are watched too. */
  constructor(redis: Redis, clock: ResponsiveClock) {
    this.#redis = redis;
    this.#clock = clock;
    let endHandshake = (): void => {};
    redis.on('connect', () => (endHandshake = this.begin()));
    redis.on('ready', () => endHandshake());
    redis.on('close', () => endHandshake());
  }

  /** A reply is due. Call the returned function when it has arrived, or will not arrive any more. */
  begin(): () => void {
    this.#due += 1;
    if (this.#due === 1) this.#watch();
    let isDue = true;
    return () => {
      if (!isDue) return;
      isDue = false;
      this.#due -= 1;
      if (this.#due === 0) this.#cancel();
    };
  }

  #watch(): void {
    const { stream } = this.#redis;
    const { bytesRead } = stream;
    this.#cancel = this.#clock.after(silenceMsMax, () => {
      const isSilent = stream === this.#redis.stream && stream.bytesRead === bytesRead;
      if (isSilent) stream.destroy(new Error(`no answer within ${silenceMsMax} ms`));
      this.#watch();
    });
  }
}
