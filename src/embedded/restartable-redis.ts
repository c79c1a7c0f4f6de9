/** A private Redis that can be stopped, and started again on the same socket, while this process runs. */
import { join } from 'node:path';
import { EmbeddedError } from './errors.ts';
import { makeFolder, type Folder } from './folder.ts';
import { startRedis, type EmbeddedRedis, type RedisOptions } from './redis.ts';

/**
 * A Redis or Valkey that runs as a child of this process, whenever it is meant to. Calls are served one after the other, so two
 * servers never share the socket.
 */
export interface RestartableRedis {
  /** The Unix socket, also while no server listens there. */
  readonly socketPath: string;
  /**
   * Starts it, empty, unless it runs. Resolves when it replies.
   *
   * @throws {EmbeddedError} if it does not start, or has been closed; the next call tries again.
   */
  start(): Promise<void>;
  /** Ends it, unless it has ended. */
  stop(): Promise<void>;
  /** Ends it for good, and removes its folder. May be called repeatedly. */
  close(): Promise<void>;
}

type Options = Omit<RedisOptions, 'socketPath'>;

/**
 * Starts one in a folder of its own; see `startRedis`.
 *
 * @returns null if neither `redis-server` nor `valkey-server` is on the PATH.
 * @throws {EmbeddedError} if there is one and it does not start.
 */
export async function startRestartableRedis(options: Options = {}): Promise<RestartableRedis | null> {
  const folder = await makeFolder('cachepot-redis-');
  const socketPath = join(folder.path, 'redis.sock');
  const server = await startRedis({ ...options, socketPath }).catch(async (error: unknown) => {
    await folder.remove();
    throw error;
  });
  if (server !== null) return new Servers({ server, folder, options });
  await folder.remove();
  return null;
}

/** One server after another. */
class Servers implements RestartableRedis {
  readonly socketPath: string;
  readonly #folder: Folder;
  readonly #options: Options;
  #server: EmbeddedRedis;
  #isClosed = false;
  /** Fulfilled when the calls so far have been served. */
  #served: Promise<unknown> = Promise.resolve();

  constructor({ server, folder, options }: { server: EmbeddedRedis; folder: Folder; options: Options }) {
    this.socketPath = server.socketPath;
    this.#server = server;
    this.#folder = folder;
    this.#options = options;
  }

  start(): Promise<void> {
    return this.#next(async () => {
      if (this.#isClosed) throw new EmbeddedError('START_FAILED', 'Redis was closed, because this process ends.');
      if (!this.#server.hasEnded()) return;
      const server = await startRedis({ ...this.#options, socketPath: this.socketPath });
      if (server === null) throw new EmbeddedError('BINARIES_MISSING', 'redis-server is not on the PATH any more.');
      this.#server = server;
    });
  }

  stop(): Promise<void> {
    return this.#next(() => this.#server.stop());
  }

  close(): Promise<void> {
    this.#isClosed = true; // also for calls that wait already
    return this.#next(async () => {
      await this.#server.stop();
      await this.#folder.remove();
    });
  }

  #next(call: () => Promise<void>): Promise<void> {
    const served = this.#served.then(call);
    this.#served = served.catch(() => {}); // its own caller is told
    return served;
  }
}
