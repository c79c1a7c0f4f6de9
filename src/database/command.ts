import { Command } from 'commander';

/**
 * A command that needs `DATABASE_URL`, with `--help`. If `work` fails, one line on stderr says why, without the password, and the exit
 * code is 1.
 *
 * @param script The npm script that runs it.
 * @param work Receives the URL and the values of the options.
 */
export function databaseCommand(
  script: string,
  work: (url: string, options: Readonly<Record<string, string>>) => Promise<void>,
): Command {
  return new Command(`npm run ${script} --`)
    .addHelpText('after', '\nThe environment variable DATABASE_URL says which database.')
    .action(async (options: Readonly<Record<string, string>>) => {
      const url = process.env['DATABASE_URL'] ?? '';
      try {
        if (!/^(postgres(ql)?|socket):/.test(url)) {
          // The value is not repeated: it may contain a password.
          throw new Error('DATABASE_URL must be set to a URL such as postgresql://user:password@localhost:5432/shop');
        }
        await work(url, options);
      } catch (error) {
        process.stderr.write(`${withoutPassword(oneLine(error), url)}\n`);
        process.exitCode = 1;
      }
    });
}

function oneLine(error: unknown): string {
  // A name with several addresses fails with one error for each, and an empty message of its own.
  if (error instanceof AggregateError) return [...new Set(error.errors.map(oneLine))].join('; ');
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** node-postgres accepts a password before the host or as a parameter, percent-encoded or plain. */
function withoutPassword(line: string, url: string): string {
  const written = [/:\/\/[^:@/]*:(.*)@/.exec(url)?.[1], /[?&]password=([^&]*)/.exec(url)?.[1]];
  const passwords = written.flatMap((text = '') => [text, decoded(text)]).filter((text) => text !== '');
  return passwords.reduce((masked, password) => masked.replaceAll(password, '***'), line);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
