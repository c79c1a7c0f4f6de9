import { Command } from 'commander';
import { feedSetup, installFeed, removeFeed, type FeedSetup } from '../kysely-cache/index.ts';
import { databaseCommand } from './command.ts';
import { inSession } from './session.ts';

const status = databaseCommand('feed status', async (url) => {
  print(...describe(await inSession(url, (client) => feedSetup(client))));
}).description('Says whether the database is set up for the change feed, and what the server retains for it.');

const install = databaseCommand('feed install', async (url, { tables }) => {
  const named = tables === undefined ? {} : { tables: tables.split(',').map((name) => name.trim()) };
  const { published, leftOut } = await inSession(url, (client) => installFeed(client, named));
  print(`Published: ${published.join(', ')}.`);
  if (leftOut.length > 0)
    print(
      `Left out, because they have no primary key or are unlogged: ${leftOut.join(', ')}. Their changes are seen when a TTL ends.`,
    );
})
  .description('Publishes the changes of tables. Run it again after tables were added.')
  .option('--tables <names>', 'which tables, with commas between them (default: all that have a primary key)');

const remove = databaseCommand('feed remove', async (url) => {
  const dropped = await inSession(url, (client) => removeFeed(client));
  print(dropped.length === 0 ? 'There was no slot.' : `Dropped: ${dropped.join(', ')}.`, 'The publication is gone.');
}).description('Drops the publication and the slots of the change feed, so that the server retains nothing for it.');

await new Command('npm run feed --')
  .description('Sets the database up for the change feed.')
  .addCommand(status.name('status'))
  .addCommand(install.name('install'))
  .addCommand(remove.name('remove'))
  .parseAsync();

function describe({ walLevel, maxRetained, published, unpublished, slots }: FeedSetup): readonly string[] {
  const isLogical = walLevel === 'logical';
  return [
    `wal_level: ${walLevel}${isLogical ? '' : " (run ALTER SYSTEM SET wal_level = 'logical', and restart PostgreSQL)"}`,
    `published tables: ${published === undefined ? 'none (run npm run feed -- install)' : published.join(', ')}`,
    ...(published !== undefined && unpublished.length > 0 ? [`other tables: ${unpublished.join(', ')}`] : []),
    `max_slot_wal_keep_size: ${maxRetained === '-1' ? 'no limit (set one: an unread slot may fill the disk)' : maxRetained}`,
    ...slots.map(({ slot, isRead, retainedBytes, walStatus }) => {
      const retained = `${(retainedBytes / 1_048_576).toFixed(1)} MB retained`;
      return `slot ${slot}: ${isRead ? 'read' : 'not read'}, ${retained}, ${walStatus ?? 'unknown'}`;
    }),
    ...(slots.length === 0 ? ['no slot: no process has read changes yet'] : []),
  ];
}

function print(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
