import { runCommand } from './command.ts';
import { migrate } from './migrate.ts';

await runCommand(async (url) => {
  const { changed } = await migrate({ url });
  process.stdout.write(changed ? 'The schema is up to date now.\n' : 'Nothing changed: the schema was up to date.\n');
});
