/**
 * The processes of a run, and their processor cores: the measured server has its own core, all others share the second
 * one. Without `taskset` (that is, not on Linux), the system chooses.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { execPath, pid } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ask } from './ask.mjs';

const folder = new URL('.', import.meta.url);
const readyMsMax = 120_000;

let isPinned = false;

/**
 * Pins this process, and what it starts from now on (PostgreSQL and Redis), to the second core.
 *
 * @returns False if that is not possible.
 */
export function pinThisProcess() {
  if (availableParallelism() < 2) return false;
  try {
    execFileSync('taskset', ['-acp', '1', String(pid)], { stdio: 'ignore' });
    isPinned = true;
  } catch {
    // No taskset.
  }
  return isPinned;
}

/** Starts a Node.js process on `core`, with a channel for messages; its stderr is shown. */
export function startNode(args, { core, env = {} }) {
  const command = [...(isPinned ? ['taskset', '-c', String(core)] : []), execPath, ...args];
  return spawn(command[0], command.slice(1), {
    cwd: fileURLToPath(folder),
    // No variables of this process that would change a server, such as CACHE_TTL or NODE_OPTIONS.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** Sends `message`, and returns the answer. */
export async function tell(child, message) {
  const ended = new AbortController();
  const gone = once(child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
    throw new Error(`${child.spawnargs.join(' ')} ended: ${signal ?? code}`);
  });
  const answered = once(child, 'message', { signal: ended.signal });
  child.send(message);
  try {
    const [answer] = await Promise.race([answered, gone]);
    return answer;
  } finally {
    ended.abort();
    await Promise.allSettled([answered, gone]);
  }
}

/** Starts one of `servers.mjs`, and waits for its first response. */
export async function startServer(server, env, nodeArgs = []) {
  const port = await freePort();
  const file = fileURLToPath(new URL(server.program, folder));
  const child = startNode([...nodeArgs, '--import', './cpu-usage.mjs', file], {
    core: 0,
    env: { ...server.env, ...env, PORT: String(port) },
  });
  const running = {
    ...server,
    port,
    child,
    /** The CPU time that the process has used so far, in microseconds, all threads together. */
    async cpuUs() {
      const { user, system } = await tell(child, 'cpu');
      return user + system;
    },
    stop: () => child.kill('SIGKILL'),
    /** Lets the process exit by itself, which it must do to write its profile. */
    async end() {
      child.disconnect();
      await once(child, 'exit');
    },
  };
  const until = performance.now() + readyMsMax;
  for (;;) {
    const isReady = await ask(port, '{"query":"{ __typename }"}').then(
      () => true,
      () => false,
    );
    if (isReady) return running;
    if (child.exitCode !== null || performance.now() > until) {
      running.stop();
      throw new Error(`${server.name} did not start`);
    }
    await pause(20);
  }
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => void server.close(resolve));
  return port;
}
