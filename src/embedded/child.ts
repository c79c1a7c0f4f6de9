/**
 * A server as a child process, in a process group of its own: Ctrl-C in a terminal goes to the whole foreground group, and would end the
 * server before its users have closed their connections.
 *
 * There is no signal handler here: main.ts decides what a signal does. If this process ends without stop(), by an exception or by
 * process.exit, an `exit` hook kills the child. Only SIGKILL leaves it behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './account.ts';
import { EmbeddedError } from './errors.ts';

interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly account: Account | null;
  /** The signal that requests an orderly end. */
  readonly stopSignal: NodeJS.Signals;
  /** Ends the child without awaiting anything; runs while this process exits. Default: SIGKILL to its group. */
  readonly killNow?: (pid: number) => void;
}

export interface Child {
  readonly pid: number;
  /** Fulfilled when the process is gone, with how it ended: `exit code 1`, `SIGKILL`. */
  readonly ended: Promise<string>;
  hasEnded(): boolean;
  /** The last lines that it wrote to stdout and stderr. */
  lastLines(): string;
  /** Sends the signal, waits 5 s, then kills. May be called repeatedly, also after it has ended by itself. */
  stop(): Promise<void>;
}

const stopMsMax = 5_000;
const readyMsMax = 20_000;
const pollEveryMs = 10;
const logCharsMax = 4_000;

/** Resolves when the process runs, which is before it is ready: see `untilReady`. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { command, args, folder, account, stopSignal, killNow = killGroup } = options;
  const child = spawn(command, args, {
    cwd: folder,
    // Without our own environment: PGPORT, PGDATESTYLE and others would change the server's settings.
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...account,
  });
  const lastLines = keepLastLines(child);
  const ended = untilEnded(child);
  try {
    await once(child, 'spawn');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new EmbeddedError('START_FAILED', `${command} could not be run: ${why}`, { cause });
  }
  const { pid } = child;
  if (pid === undefined) throw new EmbeddedError('START_FAILED', `${command} was started without a process id.`);

  // Before the hook that removes the folder, which is older.
  const atExit = (): void => killNow(pid);
  process.prependOnceListener('exit', atExit);
  child.once('exit', () => process.off('exit', atExit));
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;

  const stop = async (): Promise<void> => {
    if (!hasEnded()) child.kill(stopSignal);
    const patience = new AbortController();
    const late = sleep(stopMsMax, 'late', { signal: patience.signal }).catch(() => 'ended');
    if ((await Promise.race([ended, late])) === 'late' && !hasEnded()) killGroup(pid);
    patience.abort();
    await ended;
  };
  let stopped: Promise<void> | undefined;
  return { pid, ended, hasEnded, lastLines, stop: () => (stopped ??= stop()) };
}

/** Runs a command that ends by itself; rejects unless it succeeds. */
export async function runToEnd(options: Omit<ChildOptions, 'stopSignal' | 'killNow'>): Promise<void> {
  const child = await startChild({ ...options, stopSignal: 'SIGTERM' });
  const how = await child.ended;
  if (how === 'exit code 0') return;
  throw new EmbeddedError('START_FAILED', `${basename(options.command)} failed (${how}):\n${child.lastLines()}`);
}

/** Calls `isReady` until it returns true; rejects as soon as the process ends, or after 20 s. */
export async function untilReady(child: Child, command: string, isReady: () => Promise<boolean>): Promise<void> {
  const name = basename(command);
  const deadline = performance.now() + readyMsMax;
  while (!child.hasEnded()) {
    if (await isReady()) return;
    if (performance.now() > deadline) {
      await child.stop();
      throw new EmbeddedError('START_FAILED', `${name} was not ready within ${readyMsMax} ms:\n${child.lastLines()}`);
    }
    await sleep(pollEveryMs);
  }
  throw new EmbeddedError('START_FAILED', `${name} ended too early (${await child.ended}):\n${child.lastLines()}`);
}

/** Kills the process and what it has started in its group. */
export function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function untilEnded(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    // `close` comes after the last line of the log, but a grandchild that keeps the pipe open may delay it.
    child.once('exit', (code, signal) => setImmediate(resolve, signal ?? `exit code ${code}`));
  });
}

function keepLastLines(child: ChildProcess): () => string {
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-logCharsMax);
    });
  }
  return () => log.trimEnd().split('\n').slice(-12).join('\n');
}
