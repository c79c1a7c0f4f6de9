// Mistakes in the options of a change feed, and what is missing on the machine.
import { PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { expect, it } from 'vitest';
import { createCache, type Cache } from '../../../src/cache/index.ts';
import { explained } from '../../../src/kysely-cache/feed/feed-error.ts';
import { changeFeed, touchedTables } from '../../../src/kysely-cache/index.ts';
import { memoryStore } from './feed-world.ts';

const pool = new Pool();
const right = {
  pool,
  cache: createCache({ store: memoryStore(), log: false }),
  tables: touchedTables(new PostgresDialect({ pool })),
};

it.each<[object, string]>([
  [{ pool: 'postgres://u:secret@host' }, 'pool must not be a text: pass new Pool({ connectionString })'],
  [{ connection: 'postgres://u:secret@host' }, 'connection must not be a text: pass { connectionString }'],
  [{ cache: undefined as Cache | undefined }, 'cache must be a cache, which createCache() returns, got undefined'],
  [{ tables: ['products'] }, 'tables must be what touchedTables() returns, got a list'],
  [{ publication: "a'b" }, 'publication must be a name of 1 to 63 of a-z, 0-9 and _, got "a\'b"'],
  [
    { slot: 'mine' },
    'unknown option "slot"; it has pool, cache, tables, ownSlot, publication, connection, log, clock, random',
  ],
])('%j is refused', (wrong, message) => {
  expect(() => changeFeed({ ...right, ...wrong })).toThrow(`changeFeed: ${message}`);
});

it('a library that is not installed is named', () => {
  expect(explained(Object.assign(new Error(), { code: 'ERR_MODULE_NOT_FOUND' }))).toMatchObject({
    code: 'LIBRARY_MISSING',
    message: 'a library is missing: run npm install pg pg-logical-replication',
  });
});
