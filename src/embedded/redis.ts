/** A private Redis without persistence, from a server that the machine already has: no npm package contains one. */
import { access, constants } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { startChild, untilReady } from './child.ts';
import { makeFolder } from './folder.ts';

/** Where the server is searched for, and how it is run. */
export interface RedisOptions {
  /** Additional arguments for the server; they override ours. */
  readonly extraArgs?: readonly string[];
  /** Where it listens, in a folder that the caller owns. Default: a new folder, removed by `stop`. */
  readonly socketPath?: string;
  /** Where the server is searched for, as in PATH. Default: PATH. */
  readonly searchPath?: string;
}

/** A Redis or Valkey that runs as a child of this process. */
export interface EmbeddedRedis {
  /** The Unix socket, as `new Redis(socketPath)` and `redis-cli -s` accept it. */
  readonly socketPath: string;
  /** `redis-server` or `valkey-server`, with its folder. */
  readonly command: string;
  readonly pid: number;
  hasEnded(): boolean;
  /** Ends it and removes its folder. May be called repeatedly, also after it has died. */
  stop(): Promise<void>;
}

/**
 * Starts a private Redis or Valkey on a Unix socket: 64 MB, `allkeys-lru`, nothing on disk, no TCP port.
 *
 * @returns null if neither `redis-server` nor `valkey-server` is on the PATH.
 * @throws {EmbeddedError} if there is one and it does not start.
 */
export async function startRedis(options: RedisOptions = {}): Promise<EmbeddedRedis | null> {
  const command = await findRedisServer(options.searchPath ?? process.env['PATH'] ?? '');
  if (command === null) return null;

  const folder = options.socketPath === undefined ? await makeFolder('cachepot-redis-') : null;
  const socketPath = options.socketPath ?? join(folder?.path ?? '', 'redis.sock');
  const remove = async (): Promise<void> => folder?.remove();
  try {
    const args = [...serverArgs(socketPath), ...(options.extraArgs ?? [])];
    const child = await startChild({
      command,
      args,
      folder: dirname(socketPath),
      account: null,
      stopSignal: 'SIGTERM',
    });
    await untilReady(child, command, () => answersPing(socketPath));
    const { pid } = child;
    return {
      socketPath,
      command,
      pid,
      hasEnded: () => child.hasEnded(),
      stop: () => child.stop().then(remove),
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** The path of the first `redis-server`, else `valkey-server`, in the folders of `searchPath`; null if none. */
export async function findRedisServer(searchPath: string): Promise<string | null> {
  const folders = searchPath.split(delimiter).filter((folder) => folder !== '');
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of folders) {
      const candidate = join(folder, name);
      if (
        await access(candidate, constants.X_OK).then(
          () => true,
          () => false,
        )
      )
        return candidate;
    }
  }
  return null;
}

function serverArgs(socketPath: string): string[] {
  const listen = ['--port', '0', '--unixsocket', socketPath, '--unixsocketperm', '700'];
  const disk = ['--dir', dirname(socketPath), '--save', '', '--appendonly', 'no'];
  const memory = ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'];
  return [...listen, ...disk, ...memory, '--daemonize', 'no'];
}

/** Whether the server at `socketPath` replies; a server that is still loading replies with an error. */
function answersPing(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.setTimeout(1_000, () => settle(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => settle(answer.toString().startsWith('+PONG')));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}
