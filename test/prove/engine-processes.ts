// Processes with one engine each, on a Redis of the test: what the tests `engine*.prove.ts` run in.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

export interface EngineProcess {
  readonly child: ChildProcess;
  /** Runs a task in the process, and returns its result. */
  readonly run: <T>(task: string, options?: object) => Promise<T>;
}

/** A Redis server for this test, and a client of it. */
export async function newRedis(): Promise<{ server: TestRedis; client: Redis }> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const client = new Redis({ path: server.socketPath, protocol: 2 });
  onTestFinished(() => client.disconnect());
  return { server, client };
}

/** Starts a process, and waits until it is ready. `file` uses `engine-tasks.mjs` to report that and to run tasks. */
export async function newProcess(
  file: string,
  { args, execArgv = [] }: { args: readonly string[]; execArgv?: string[] },
): Promise<EngineProcess> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(script, args, { serialization: 'advanced', execArgv });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message'); // it is ready
  return {
    child,
    async run(task, options = {}) {
      child.send({ task, ...options });
      const [message] = (await once(child, 'message')) as [{ result: never }];
      return message.result;
    },
  };
}

/** The events of the caches of all processes, summed up. */
export async function eventsOf(processes: readonly EngineProcess[]): Promise<string> {
  const sums = new Map<string, number>();
  for (const { run } of processes) {
    for (const [event, count] of Object.entries(await run<Record<string, number>>('events'))) {
      sums.set(event, (sums.get(event) ?? 0) + count);
    }
  }
  return [...sums].map(([event, count]) => `${event} ${count}`).join(', ');
}

/** Prints a line among the test results. */
export function note(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
