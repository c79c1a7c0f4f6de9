import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { newRoom, type Room } from '../embedded/room.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The last line that a start prints, with the address of the program. */
const addressLine = /Graphi?QL: (http:\/\/\S+)\/graphql/;

export interface Program {
  readonly pid: number;
  /** The address that it listens on. Throws before it is up, unless `PORT` is given. */
  readonly url: string;
  /** Its output so far. */
  stdout: () => string;
  stderr: () => string;
  /** Resolves when it has printed its address. */
  isUp: () => Promise<void>;
  /** Sends a signal to the process, or to its whole group as a terminal does. */
  signal: (signal: NodeJS.Signals, to?: 'process' | 'group') => void;
  /** Resolves with its exit code, or with the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Contains the files of its servers. */
  readonly room: Room;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  command?: readonly [string, ...string[]];
}

/** Runs the built program as a user does, on any free port. Of the test's environment it receives only PATH and HOME. */
export async function startProgram({
  env = {},
  command = [process.execPath, 'dist/src/main.js'],
}: ProgramOptions = {}): Promise<Program> {
  const room = await newRoom();
  const [file, ...args] = command;
  const { PATH = '', HOME = '/' } = process.env;
  const child = spawn(file, args, {
    cwd: repository,
    env: { PATH, HOME, TMPDIR: room.path, SIMULATED_LATENCY: 'off', PORT: '0', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} could not be run`);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => (code ?? signal) as number | NodeJS.Signals);
  const signal: Program['signal'] = (name, to = 'process') => {
    process.kill(to === 'group' ? -pid : pid, name);
  };
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) signal('SIGTERM');
    await ended;
  });
  return {
    pid,
    get url() {
      // At LOG_LEVEL=warn the address is not printed.
      if (env['PORT'] !== undefined) return `http://127.0.0.1:${env['PORT']}`;
      const [, url] = addressLine.exec(stdout) ?? [];
      if (url === undefined) throw new Error('the program has not said where it listens');
      return url;
    },
    stdout: () => stdout,
    stderr: () => stderr,
    async isUp() {
      const isUpOrEnded = (): boolean => {
        if (addressLine.test(stdout)) return true;
        // Polling ends here too; the expectation below then fails with the output.
        return child.exitCode !== null || child.signalCode !== null;
      };
      await expect.poll(isUpOrEnded, { interval: 20 }).toBe(true);
      expect(`${stdout}${stderr}`).toMatch(addressLine);
    },
    signal,
    ended,
    room,
  };
}

/** Expects no process, socket or folder, except the cache of compiled code that npm itself keeps there on Node 24. */
export async function expectNothingLeft({ room }: Program): Promise<void> {
  await expect.poll(() => room.processes()).toEqual([]);
  const left = await room.leftFiles();
  expect(left.filter((name) => name !== 'node-compile-cache')).toEqual([]);
}
