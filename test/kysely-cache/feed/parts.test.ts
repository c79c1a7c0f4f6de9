// The parts of the feed that need no database.
import type { Pgoutput } from 'pg-logical-replication';
import { describe, expect, it } from 'vitest';
import { ChangedTags } from '../../../src/kysely-cache/feed/changed-tags.ts';
import { lsnOf, lsnText } from '../../../src/kysely-cache/feed/lsn.ts';
import { RelationTags } from '../../../src/kysely-cache/feed/relation-tags.ts';
import { slotNameOf } from '../../../src/kysely-cache/feed/slot.ts';
import { Snapshot } from '../../../src/kysely-cache/feed/snapshot.ts';

describe('a snapshot', () => {
  const snapshot = new Snapshot('100:110:103,107');

  it.each([
    [99n, true],
    [100n, true],
    [103n, false],
    [106n, true],
    [107n, false],
    [109n, true],
    [110n, false],
    [111n, false],
  ])('sees transaction %s: %s', (xid, isSeen) => {
    expect(snapshot.sees(xid)).toBe(isSeen);
  });

  it('has no running transactions when the list is empty', () => {
    expect(new Snapshot('100:100:').running).toEqual([]);
  });

  const epoch = 1n << 32n;
  it.each([
    ['of the same epoch', 5n * epoch + 200n, 150, 5n * epoch + 150n],
    ['that began after the snapshot', 5n * epoch + 200n, 250, 5n * epoch + 250n],
    ['of the epoch before', 5n * epoch + 200n, 0xffff_fff0, 5n * epoch - 16n],
    ['of the next epoch', 5n * epoch + 0xffff_fff0n, 5, 6n * epoch + 5n],
  ])('knows the full id of a transaction %s', (_, next, xid, full) => {
    expect(new Snapshot(`${next}:${next}:`).fullXid(xid)).toBe(full);
  });
});

describe('a position in the log', () => {
  it.each(['0/0', '0/16B3748', '16/B374D848', 'FFFFFFFF/FFFFFFFF'])('%s is read and written', (text) => {
    expect(lsnText(lsnOf(text))).toBe(text);
  });

  it('must be one', () => {
    expect(() => lsnOf('16')).toThrow('a WAL position is like 16/B374D848, got "16"');
  });
});

describe('changed tags', () => {
  const rows = (changed: ChangedTags, table: string, count: number): void => {
    for (let id = 0; id < count; id += 1) changed.addRow(table, String(id));
  };
  const tagsOf = (changed: ChangedTags): readonly string[] =>
    changed.scopes(500).flatMap((scope) => (scope === 'everything' ? [scope] : [...scope]));

  it('are those of rows, up to a thousand of a table', () => {
    const changed = new ChangedTags();
    rows(changed, 'a', 1_000);
    rows(changed, 'b', 1_001);
    expect(tagsOf(changed)).toHaveLength(1_001);
    expect(tagsOf(changed)).toContain('b');
  });

  it('are those of tables beyond ten thousand rows', () => {
    const changed = new ChangedTags();
    for (let table = 0; table < 11; table += 1) rows(changed, `t${table}`, 1_000);
    expect(tagsOf(changed).filter((tag) => !tag.includes(':'))).toHaveLength(11);
    // Those that were added after the others had become tables.
    expect(tagsOf(changed).length).toBeLessThan(1_000);
  });

  it('keep their bounds when they are merged', () => {
    const changed = new ChangedTags();
    for (let part = 0; part < 3; part += 1) {
      const other = new ChangedTags();
      for (let id = 0; id < 600; id += 1) other.addRow('a', `${part}-${id}`);
      changed.addAll(other);
    }
    expect(tagsOf(changed)).toEqual(['a']);
  });

  it('are in parts of at most the given size', () => {
    const changed = new ChangedTags();
    rows(changed, 'a', 999);
    expect(changed.scopes(500).map((scope) => scope.length)).toEqual([500, 499]);
  });

  it('are everything, whatever else is added', () => {
    const changed = new ChangedTags();
    changed.addEverything();
    changed.addRow('a', '1');
    changed.addTable('b');
    expect(changed.isEmpty).toBe(false);
    expect(changed.scopes(500)).toEqual(['everything']);
  });
});

describe('the tags of a relation', () => {
  const described = (name: string): Pgoutput.MessageRelation => ({
    ...{ tag: 'relation', relationOid: 1, schema: 'public', name, replicaIdentity: 'default' },
    ...{ columns: [], keyColumns: ['id'] },
  });
  const row = (name: string) => ({ schema: 'public', name, isVisible: true, key: ['id'] });

  it('are those that it had before, while the database cannot be asked', async () => {
    let lineage = Promise.resolve([row('p1'), row('p')]);
    const relations = new RelationTags(() => lineage);
    const before = await relations.of(described('p1'));
    expect(before.map(({ tag }) => tag)).toEqual(['p1', 'p']);
    lineage = Promise.reject(new Error('no connection is free'));
    expect(await relations.of(described('p1'))).toEqual(before);
  });

  it('are not known if it could never be asked', async () => {
    const relations = new RelationTags(() => Promise.reject(new Error('no connection is free')));
    await expect(relations.of(described('a'))).rejects.toThrow('no connection is free');
  });
});

it('the name of a slot is one that PostgreSQL accepts, and another one for each namespace and database', () => {
  const names = [
    slotNameOf('a-b', '1'),
    slotNameOf('a_b', '1'),
    slotNameOf('a_b', '2'),
    slotNameOf('x'.repeat(32), '4294967295'),
  ];
  for (const name of names) expect(name).toMatch(/^[a-z0-9_]{1,53}$/);
  expect(new Set(names).size).toBe(4);
});
