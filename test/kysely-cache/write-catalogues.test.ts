// When `writing` reads the catalogue.
import { expect, it } from 'vitest';
import type { TableWrites } from '../../src/kysely-cache/writes/table-writes.ts';
import type { WriteCatalogueRows } from '../../src/kysely-cache/writes/write-catalogue-sql.ts';
import { WriteCatalogues } from '../../src/kysely-cache/writes/write-catalogues.ts';
import { TestClock, tick, withResolvers } from '../cache/world.ts';

const unlinked = { parents: [], reads: [], referencedBy: [], calls: [], isView: false, hasRules: false };

function rowsOf(...names: string[]): WriteCatalogueRows {
  const relations = names.map((name, id) => ({ ...unlinked, id, schema: 'public', name, isVisible: true }));
  return { relations, functions: [], operators: [] };
}

function inserts(name: string): TableWrites {
  const target = { schema: undefined, name, kind: 'insert' } as const;
  return { targets: [target], functions: new Set(), operators: new Set(), isOpaque: false, endsTransaction: false };
}

function newWorld() {
  const clock = new TestClock();
  const readings: { give: (rows: WriteCatalogueRows) => void; fail: (error: Error) => void }[] = [];
  const readRows = (): Promise<WriteCatalogueRows> => {
    const { promise, resolve: give, reject: fail } = withResolvers<WriteCatalogueRows>();
    readings.push({ give, fail });
    return promise;
  };
  return { clock, readings, catalogues: new WriteCatalogues({ readRows, clock }) };
}

it('once, and again in the background after a minute', async () => {
  const { clock, readings, catalogues } = newWorld();
  const first = catalogues.reachOf([inserts('a')]);
  readings[0]?.give(rowsOf('a'));
  expect([...(await first).tags]).toEqual(['a']);
  clock.advance(59_999);
  await catalogues.reachOf([inserts('a')]);
  expect(readings).toHaveLength(1);
  clock.advance(1);
  expect([...(await catalogues.reachOf([inserts('a')])).tags]).toEqual(['a']);
  expect(readings).toHaveLength(2);
});

it('for a table that it lacks, by a reading that begins afterwards', async () => {
  const { clock, readings, catalogues } = newWorld();
  const first = catalogues.reachOf([inserts('a')]);
  readings[0]?.give(rowsOf('a'));
  await first;
  clock.advance(60_000);
  await catalogues.reachOf([inserts('a')]); // begins a reading in the background, before the table is created
  const reach = catalogues.reachOf([inserts('new_one')]);
  await tick();
  expect(readings).toHaveLength(2);
  readings[1]?.give(rowsOf('a'));
  await tick();
  readings[2]?.give(rowsOf('a', 'new_one'));
  expect([...(await reach).tags]).toEqual(['new_one']);
});

it('in vain: everything may have changed while it has never been read, and what was known is used otherwise', async () => {
  const { clock, readings, catalogues } = newWorld();
  const first = catalogues.reachOf([inserts('a')]);
  readings[0]?.fail(new Error('away'));
  expect((await first).isEverything).toBe(true);
  const second = catalogues.reachOf([inserts('a')]);
  readings[1]?.give(rowsOf('a'));
  await second;
  clock.advance(60_000);
  await catalogues.reachOf([inserts('a')]);
  readings[2]?.fail(new Error('away'));
  await tick();
  expect([...(await catalogues.reachOf([inserts('a')])).tags]).toEqual(['a']);
});
