import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { tablesExist } from '../../src/database/index.ts';
import { migrate } from '../../src/database/migrate.ts';
import { runBuilt } from './command-line.ts';
import { connect, emptyDatabase } from './shop-database.ts';

it('creates the tables, and reports no change on a second run', async () => {
  const url = await emptyDatabase();
  expect(await migrate({ url })).toEqual({ changed: true });
  expect(await tablesExist(connect({ url }).db)).toBe(true);
  expect(await migrate({ url })).toEqual({ changed: false });
});

it('changes the schema once if several migrations run at the same time', async () => {
  const url = await emptyDatabase();
  const runs = await Promise.all([1, 2, 3, 4].map(() => migrate({ url })));
  expect(runs.filter(({ changed }) => changed)).toHaveLength(1);
});

it('creates a missing index again, and keeps the rows', async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  const { db } = connect({ url });
  await db.insertInto('categories').values({ name: 'Kept' }).execute();
  await sql`drop index reviews_by_product`.execute(db);
  expect(await migrate({ url })).toEqual({ changed: true });
  expect(await db.selectFrom('categories').select('name').execute()).toEqual([{ name: 'Kept' }]);
});

it('leaves no table behind if it fails halfway', async () => {
  const url = await emptyDatabase();
  const { db } = connect({ url });
  await sql`create view reviews as select 1 as id`.execute(db);
  await expect(migrate({ url })).rejects.toMatchObject({ code: '42809' });
  const { rows } = await sql<{ made: boolean }>`select to_regclass('categories') is not null as made`.execute(db);
  expect(rows).toEqual([{ made: false }]);
});

it('creates constraints that reject invalid rows', async () => {
  const url = await emptyDatabase();
  await migrate({ url });
  const { db } = connect({ url });
  await db.insertInto('categories').values({ id: 1, name: 'One' }).execute();
  const product = { category_id: 1, name: 'p', price: '1.00', stock: 0 };
  await db
    .insertInto('products')
    .values({ ...product, id: 1 })
    .execute();
  const checkFails = { code: '23514' };
  const insert = (values: Partial<typeof product>) =>
    db.insertInto('products').values({ ...product, ...values }).execute(); // prettier-ignore
  const review = (rating: number, product_id = 1) => db.insertInto('reviews').values({ product_id, rating }).execute();
  await expect(insert({ price: '-0.01' })).rejects.toMatchObject(checkFails);
  await expect(insert({ price: 'NaN' })).rejects.toMatchObject(checkFails);
  await expect(insert({ stock: -1 })).rejects.toMatchObject(checkFails);
  await expect(insert({ name: '' })).rejects.toMatchObject(checkFails);
  await expect(insert({ category_id: 9 })).rejects.toMatchObject({ code: '23503' });
  await expect(review(0)).rejects.toMatchObject(checkFails);
  await expect(review(6)).rejects.toMatchObject(checkFails);
  await expect(review(5, 9)).rejects.toMatchObject({ code: '23503' });
  await expect(db.insertInto('categories').values({ name: 'One' }).execute()).rejects.toMatchObject({ code: '23505' });
});

it('runs as a command, which prints its result or its error in one line', async () => {
  const url = await emptyDatabase();
  expect(await runBuilt('migrate-cli', url)).toEqual({ exitCode: 0, stdout: 'The schema is up to date now.\n', stderr: '' }); // prettier-ignore
  expect(await runBuilt('migrate-cli', url)).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^Nothing changed/) }); // prettier-ignore
  for (const wrong of [null, '', 'localhost/shop']) {
    const ending = await runBuilt('migrate-cli', wrong);
    expect(ending).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^DATABASE_URL .+\n$/) });
  }
});

it.each(['migrate-cli', 'seed-cli'] as const)(
  '%s reports an unreachable server in one line, without the password',
  async (program) => {
    for (const url of [
      'postgresql://shop:s3cr%2Ft@localhost:1/shop',
      'postgresql://shop:s3cr%2Ft@/shop?host=/s3cr/t',
    ]) {
      const { exitCode, stdout, stderr } = await runBuilt(program, url);
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toMatch(/^.*(ECONNREFUSED|ENOENT).*\n$/);
      expect(stderr).not.toMatch(/s3cr/);
    }
  },
);
