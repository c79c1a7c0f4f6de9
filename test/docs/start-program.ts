/** Starts a GraphQL server of the documentation on a free port. */
import { spawn } from 'node:child_process';
import { expect, onTestFinished } from 'vitest';
import { freePort } from '../support/free-port.ts';

/** Sends an operation by POST; returns the response. */
export type Ask = (query: string) => Promise<unknown>;

/** The program listens on `PORT`, with or without `/graphql` in front. It ends with the test. */
export async function startProgram(folder: string, program: string, variables: Record<string, string>): Promise<Ask> {
  const port = await freePort();
  const env = { ...process.env, ...variables, PORT: String(port) };
  const child = spawn(process.execPath, [program], { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ask: Ask = async (query) => {
    const response = await fetch(`http://localhost:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return await response.json();
  };
  const isUp = async (): Promise<boolean> =>
    child.exitCode !== null || (await ask('{ __typename }').catch(() => undefined)) !== undefined;
  await expect.poll(isUp).toBe(true);
  expect(child.exitCode).toBeNull();
  return ask;
}
