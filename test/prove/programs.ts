/** The built program, ready, and a Redis of its own, for measurements. */
import { expect, inject, onTestFinished } from 'vitest';
import { startProgram, type Program } from '../server/start-program.ts';
import { freePort } from '../support/free-port.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';

type Command = readonly [string, ...string[]];

export async function startReadyProgram(env: Record<string, string>, command?: Command): Promise<Program> {
  const program = await startProgram({
    env: { DATABASE_URL: inject('databaseUrl'), LOG_LEVEL: 'warn', PORT: String(await freePort()), ...env },
    ...(command === undefined ? {} : { command }),
  });
  await expect.poll(async () => await isReady(program.url), { interval: 20 }).toBe(true);
  return program;
}

async function isReady(url: string): Promise<boolean> {
  return await fetch(`${url}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

export async function newRedis(): Promise<{ redis: TestRedis; redisUrl: string; port: number }> {
  const port = await freePort();
  const redis = await startTestRedis(['--port', String(port)]);
  onTestFinished(() => redis.stop());
  return { redis, redisUrl: `redis://127.0.0.1:${port}`, port };
}

/** Prints a line of the report. */
export function note(line: string): void {
  process.stdout.write(`    ${line}\n`);
}
