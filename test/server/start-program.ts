import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';
import { newRoom, type Room } from '../embedded/room.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** The last line of a start, and where the program listens. */
const whereToClick = /Graphi?QL: (http:\/\/\S+)\/graphql/;

export interface Program {
  readonly pid: number;
  /** Where it listens; once it is up. */
  readonly url: string;
  /** What it has written so far. */
  stdout: () => string;
  stderr: () => string;
  /** Resolves when it has said where to click. */
  isUp: () => Promise<void>;
  /** To the process, or to all of its group as a terminal does it. */
  signal: (signal: NodeJS.Signals, to?: 'process' | 'group') => void;
  /** How it ended: its exit code, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Where its servers keep their files. */
  readonly room: Room;
}

export interface ProgramOptions {
  env?: Record<string, string>;
  command?: readonly [string, ...string[]];
}

/** Runs the built program as a user does, on any free port. Of our environment it gets PATH and HOME alone. */
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
      const [, url] = whereToClick.exec(stdout) ?? [];
      if (url === undefined) throw new Error('the program has not said where it listens');
      return url;
    },
    stdout: () => stdout,
    stderr: () => stderr,
    async isUp() {
      const isDecided = (): boolean => {
        if (whereToClick.test(stdout)) return true;
        // Polling ends with an answer, not with an error.
        return child.exitCode !== null || child.signalCode !== null;
      };
      await expect.poll(isDecided, { interval: 20 }).toBe(true);
      expect(`${stdout}${stderr}`).toMatch(whereToClick);
    },
    signal,
    ended,
    room,
  };
}

/** Neither process, socket nor folder, but for the cache of compiled code that npm itself keeps there on Node 24. */
export async function expectNothingLeft({ room }: Program): Promise<void> {
  await expect.poll(() => room.processes()).toEqual([]);
  const left = await room.leftFiles();
  expect(left.filter((name) => name !== 'node-compile-cache')).toEqual([]);
}
