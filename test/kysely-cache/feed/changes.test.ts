// Which tags a change of the database invalidates, however it is made.
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPostgres } from '../../../src/embedded/index.ts';
import { feedWorld } from './feed-world.ts';

const setUp = `
  create table a (id int primary key, n int);
  create table b (id int primary key, a_id int references a on delete cascade);
  create table composite (x int, y int, primary key (x, y));
  create table wide (id uuid primary key, body text);
  create table text_key (id text primary key);
  create table whole (id int primary key, n int); alter table whole replica identity full;
  create table by_index (id int primary key, code int not null unique); alter table by_index replica identity using index by_index_code_key;
  create schema s; create table s.t (id int primary key); create table s.a (id int primary key);
  create table p (id int primary key, n int) partition by range (id);
  create table p1 partition of p for values from (0) to (10);
  create table base (id int primary key); create table derived (other int primary key) inherits (base);
  create table log (id serial primary key, what text);
  create function logs() returns trigger language plpgsql as
    'begin insert into log (what) values (tg_op); return null; end';
  create table watched (id int primary key); create trigger t after insert on watched for each row execute function logs();
  insert into a values (1, 1), (2, 2); insert into b values (1, 1);
  insert into watched values (100);
`;

describe('a change invalidates', () => {
  it.each<[sql: string, tags: string]>([
    ['insert into a values (3, 3)', 'a:3'],
    ['update a set n = 5 where id = 1', 'a:1'],
    // The row under its old key and its new one.
    ['update a set id = 9 where id = 2', 'a:2 a:9'],
    ['delete from a where id = 1', 'a:1 b:1'],
    ['insert into a values (1, 7) on conflict (id) do update set n = 7', 'a:1'],
    ['merge into a using b on a.id = b.a_id when matched then update set n = 0', 'a:1'],
    ['truncate b', 'b'],
    [`copy a from program 'printf "7\\t7\\n"'`, 'a:7'],
    ['insert into composite values (1, 1)', 'composite'],
    [
      "insert into wide values ('6f9619ff-8b86-d011-b42d-00c04fc964ff', repeat('x', 100000))",
      'wide:6f9619ff-8b86-d011-b42d-00c04fc964ff',
    ],
    ["insert into text_key values ('é:1')", 'text_key:é:1'],
    // `text_key:!` is not the tag of a row.
    ["insert into text_key values ('!')", 'text_key'],
    [`insert into text_key values (repeat('k', 73))`, 'text_key'],
    ['insert into whole values (1, 1)', 'whole'],
    ['insert into by_index values (1, 1)', 'by_index'],
    ['insert into s.t values (1)', 's.t:1'],
    ['insert into s.a values (1)', 's.a:1'],
    ['insert into p values (1, 1)', 'p1:1 p:1'],
    ['insert into p1 values (2, 1)', 'p1:2 p:2'],
    // Its parent's rows have another key.
    ['insert into derived (id, other) values (1, 2)', 'base derived:2'],
    ['insert into watched values (1)', 'log:2 watched:1'],
    ['set session_replication_role = replica; insert into watched values (2)', 'watched:2'],
    ['insert into a select n, 0 from generate_series(1000, 1999) n', rowsOf('a', 1_000, 1_999)],
    ['insert into a select n, 0 from generate_series(1000, 2000) n', 'a'],
    ['begin; insert into a values (8, 8); savepoint s; insert into b values (8, 8); rollback to s; commit', 'a:8'],
    ['begin; insert into a values (8, 8); rollback', ''],
  ])('%s', async (sql, tags) => {
    const world = await feedWorld(setUp);
    const process = await world.process();
    expect(await world.invalidates(process, sql)).toBe(tags);
  });

  it.each([
    ['commit', 'a:8'],
    ['rollback', ''],
  ])('of a prepared transaction, once it ends with %s', async (end, tags) => {
    const postgres = await startPostgres({ sqlFiles: [], extraArgs: ['-c', 'max_prepared_transactions=1'] });
    onTestFinished(() => postgres.stop());
    const world = await feedWorld(setUp, postgres.url);
    const process = await world.process();
    const prepare = ['begin', 'insert into a values (8, 8)', "prepare transaction 'p'"];
    expect(await world.invalidates(process, ...prepare)).toBe('');
    expect(await world.invalidates(process, `${end} prepared 'p'`)).toBe(tags);
  });

  // Whether its tag has the row depends on whether the database is asked for its name before or after the transaction is visible.
  it.each<[sql: string, tags: RegExp]>([
    [
      'update a set n = 1 where id = 1; alter table a rename to renamed; update renamed set n = 2 where id = 1',
      /^a.* renamed(:1)?$/,
    ],
    ['create table later (id int primary key); insert into later values (1)', /^(later:1|later public\.later)$/],
    ['insert into a values (8, 8); drop table b; drop table a', /^a(:8)?( public\.a)?$/],
  ])('of a relation that the same transaction creates, renames or drops: %s', async (sql, tags) => {
    const world = await feedWorld(setUp);
    const process = await world.process();
    expect(await world.invalidates(process, sql)).toMatch(tags);
  });
});

function rowsOf(table: string, first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => `${table}:${first + index}`).toSorted().join(' '); // prettier-ignore
}
