import { databaseCommand } from './command.ts';
import { migrate } from './migrate.ts';

await databaseCommand('migrate', async (url) => {
  const { changed } = await migrate({ url });
  process.stdout.write(changed ? 'The schema is up to date now.\n' : 'Nothing changed: the schema was up to date.\n');
})
  .description('Creates the tables and indexes of the shop that are missing. What exists is not changed.')
  .parseAsync();
