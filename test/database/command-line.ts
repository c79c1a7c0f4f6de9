import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

interface Ending {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a built program of `src/database` as `npm run` does; if `url` is null, DATABASE_URL is not set. */
export function runBuilt(
  program: 'migrate-cli' | 'seed-cli' | 'feed-cli',
  url: string | null,
  args: string[] = [],
): Promise<Ending> {
  const file = fileURLToPath(new URL(`../../dist/src/database/${program}.js`, import.meta.url));
  const { DATABASE_URL: _ours, ...environment } = process.env;
  const env = url === null ? environment : { ...environment, DATABASE_URL: url };
  return new Promise((resolve) => {
    // Another folder, so that the program does not depend on the working directory.
    execFile(process.execPath, [file, ...args], { env, cwd: '/' }, (error, stdout, stderr) => {
      resolve({ exitCode: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}
