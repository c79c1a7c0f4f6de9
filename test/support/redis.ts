import { join } from 'node:path';
import { type EmbeddedRedis, makeFolder, startRedis } from '../../src/embedded/index.ts';

/** A private Redis that a test may stop, suspend and kill. */
export interface TestRedis {
  readonly socketPath: string;
  /** The process id of the running server; it changes with `restart`. */
  readonly pid: number;
  /** Sends a signal: SIGKILL ends the server at once, SIGSTOP suspends it until SIGCONT. Does not wait. */
  kill(signal: NodeJS.Signals): void;
  /** Ends the server, if it still runs, and starts an empty one on the same socket. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

// No memory limit, so that nothing is evicted unless a test asks for it.
const serverArgs = ['--enable-debug-command', 'yes', '--maxmemory', '0', '--maxmemory-policy', 'noeviction'];

/** @param extraArgs Arguments of `redis-server`, such as `--maxmemory 2mb`; they override the defaults. */
export async function startTestRedis(extraArgs: readonly string[] = []): Promise<TestRedis> {
  const folder = await makeFolder('cachepot-test-redis-');
  const socketPath = join(folder.path, 'redis.sock');
  const start = async (): Promise<EmbeddedRedis> => {
    const started = await startRedis({ socketPath, extraArgs: [...serverArgs, ...extraArgs] });
    if (started === null) throw new Error('There is no redis-server on the PATH: global-setup.ts should have seen it.');
    return started;
  };
  let server = await start();
  const kill = (signal: NodeJS.Signals): void => {
    try {
      process.kill(server.pid, signal);
    } catch {
      // Already gone.
    }
  };
  const end = async (): Promise<void> => {
    kill('SIGCONT');
    await server.stop();
  };
  return {
    socketPath,
    get pid() {
      return server.pid;
    },
    kill,
    async restart() {
      await end();
      server = await start();
    },
    async stop() {
      await end();
      await folder.remove();
    },
  };
}
