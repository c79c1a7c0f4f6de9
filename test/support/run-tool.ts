import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a program in the repository, with `input` as its standard input, to its end. */
export async function runTool(
  file: string,
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; output: string }> {
  const child = spawn(file, args, { cwd: repository });
  const closed = once(child, 'close');
  child.stdin.on('error', () => {}); // it may not read its input
  child.stdin.end(input);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), closed]);
  return { code: child.exitCode, output: stdout + stderr };
}
