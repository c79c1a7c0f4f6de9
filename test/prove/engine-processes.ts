// Processes with an engine each, on a Redis of their own: what the proofs of the engine are run in.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

export interface EngineProcess {
  readonly child: ChildProcess;
  /** What the process answers. */
  readonly run: <T>(task: string, options?: object) => Promise<T>;
}

/** A server for this test, and a client of it. */
export async function newRedis(): Promise<{ server: TestRedis; client: Redis }> {
  const server = await startTestRedis();
  onTestFinished(() => server.stop());
  const client = new Redis({ path: server.socketPath, protocol: 2 });
  onTestFinished(() => client.disconnect());
  return { server, client };
}

/** A process that is ready; `file` says it, and answers, by `engine-tasks.mjs`. */
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

/** What the caches of all processes did, summed up. */
export async function eventsOf(processes: readonly EngineProcess[]): Promise<string> {
  const sums = new Map<string, number>();
  for (const { run } of processes) {
    for (const [event, count] of Object.entries(await run<Record<string, number>>('events'))) {
      sums.set(event, (sums.get(event) ?? 0) + count);
    }
  }
  return [...sums].map(([event, count]) => `${event} ${count}`).join(', ');
}

/** A line among the results. */
export function note(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
