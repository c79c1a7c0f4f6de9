import { sql, type Kysely } from 'kysely';
import { describe, expect, inject, it } from 'vitest';
import { migrate } from '../../src/database/migrate.ts';
import { seed, type SeedProgress } from '../../src/database/seed.ts';
import type { Tables } from '../../src/database/tables.ts';
import { runBuilt } from './command-line.ts';
import { connect, emptyDatabase } from './shop-database.ts';

describe('seed', () => {
  it('creates 10 categories, 500 products and 5,000 reviews, equal to those of the SQL files', async () => {
    const sums = await Promise.all(
      [1, 2].map(async () => {
        const url = await migratedDatabase();
        expect(await seed({ url })).toEqual({ categories: 10, products: 500, reviews: 5_000 });
        return checksum(connect({ url }).db);
      }),
    );
    const fromFile = await checksum(connect({ url: inject('databaseUrl') }).db);
    expect(sums).toEqual([fromFile, fromFile]);
  });

  it('changes nothing on a second run', async () => {
    const url = await migratedDatabase();
    const { db } = connect({ url });
    await seed({ url, products: 50, reviews: 200 });
    await db.updateTable('products').set({ price: '0.01' }).where('id', '=', 7).execute();
    const before = await checksum(db);
    expect(await seed({ url, products: 50, reviews: 200 })).toEqual({ categories: 10, products: 50, reviews: 200 });
    expect(await checksum(db)).toBe(before);
  });

  it('extends a shop in batches, reports progress, and keeps the existing rows', async () => {
    const url = await migratedDatabase();
    const { db } = connect({ url });
    await seed({ url, products: 100, reviews: 1_000 });
    const before = await checksum(db);
    const progress: SeedProgress[] = [];
    const totals = await seed({ url, products: 2_000, reviews: 60_000, onProgress: (step) => progress.push(step) });
    expect(totals).toEqual({ categories: 10, products: 2_000, reviews: 60_000 });
    expect(progress.map(({ table, done }) => `${table} ${done}`)).toEqual([
      'products 2000',
      'reviews 25000',
      'reviews 50000',
      'reviews 60000',
    ]);
    await sql`delete from reviews where id > 1000`.execute(db);
    await sql`delete from products where id > 100`.execute(db);
    expect(await checksum(db)).toBe(before);
  });

  it('creates the same rows in two runs as in one', async () => {
    const [inOne, inBatches] = await Promise.all([migratedDatabase(), migratedDatabase()]);
    await seed({ url: inOne, products: 300, reviews: 26_000 });
    await seed({ url: inBatches, products: 300, reviews: 10 });
    await seed({ url: inBatches, products: 300, reviews: 26_000 });
    expect(await checksum(connect({ url: inBatches }).db)).toBe(await checksum(connect({ url: inOne }).db));
  });

  it('waits for a seed that is already running', async () => {
    const url = await migratedDatabase();
    // A small seed that did not wait would count fewer reviews.
    const smallSeeds: ReturnType<typeof seed>[] = [];
    const startSmall = (): void => void smallSeeds.push(seed({ url, products: 60, reviews: 60 }));
    const totals = await seed({ url, products: 60, reviews: 60_000, onProgress: startSmall });
    expect(smallSeeds.length).toBeGreaterThan(1);
    expect(await Promise.all(smallSeeds)).toEqual(smallSeeds.map(() => totals));
  });

  it('gives the next ids to new rows', async () => {
    const url = await migratedDatabase();
    await seed({ url, products: 30, reviews: 40 });
    const { db } = connect({ url });
    const category = await db.insertInto('categories').values({ name: 'New' }).returning('id').executeTakeFirst();
    const product = { category_id: 1, name: 'New', price: '1.00' };
    const inserted = await db.insertInto('products').values(product).returning('id').executeTakeFirst();
    const review = { product_id: 1, rating: 5 };
    const reviewed = await db.insertInto('reviews').values(review).returning('id').executeTakeFirst();
    expect([category?.id, inserted?.id, reviewed?.id]).toEqual([11, 31, 41]);
  });

  it.each([1, 2, 19, 20, 21])('creates a shop with %i products', async (products) => {
    const url = await migratedDatabase();
    expect(await seed({ url, products, reviews: 100 })).toEqual({ categories: 10, products, reviews: 100 });
  });

  it('creates plausible data: categories differ, some products have no review, some reviews no comment', async () => {
    const { db } = connect();
    const { rows } = await sql`
      select
        (select count(distinct name)::integer from products) as "names",
        (select count(distinct category_id)::integer from products) as "usedCategories",
        (select count(distinct n)::integer > 5 from (select count(*) as n from products group by category_id)) as "sizesDiffer",
        (select count(*)::integer from products where not exists (select from reviews where product_id = products.id)) as "unreviewed",
        (select count(*) between 1 and 100 from products where stock = 0) as "someSoldOut",
        (select bool_and(price between 1 and 1000) from products) as "pricesPlausible",
        (select count(distinct rating)::integer from reviews) as "ratings",
        (select count(*) between 1000 and 1500 from reviews where comment is null) as "aQuarterUncommented",
        (select max(mean) - min(mean) > 0.5 from (select avg(rating) as mean from reviews join products on products.id = product_id group by category_id)) as "categoriesDiffer",
        (select max(mean) - min(mean) > 2 from (select avg(rating) as mean from reviews group by product_id having count(*) >= 5)) as "productsDiffer"
    `.execute(db); // prettier-ignore
    expect(rows).toEqual([
      {
        names: 500,
        usedCategories: 10,
        sizesDiffer: true,
        unreviewed: 25,
        someSoldOut: true,
        pricesPlausible: true,
        ratings: 5,
        aQuarterUncommented: true,
        categoriesDiffer: true,
        productsDiffer: true,
      },
    ]);
  });

  it('fills each table of the default shop in one step', async () => {
    const url = await migratedDatabase();
    const progress: SeedProgress[] = [];
    await seed({ url, onProgress: (step) => progress.push(step) });
    expect(progress.map(({ table, done }) => `${table} ${done}`)).toEqual(['products 500', 'reviews 5000']);
  });
});

describe('npm run seed', () => {
  it('prints progress, and then the totals', async () => {
    const url = await migratedDatabase();
    expect(await runBuilt('seed-cli', url, ['--products', '200', '--reviews=26000'])).toEqual({
      exitCode: 0,
      stdout: [
        'products 200 of 200',
        'reviews 25000 of 26000',
        'reviews 26000 of 26000',
        'The shop holds 10 categories, 200 products, 26000 reviews.',
        '',
      ].join('\n'),
      stderr: '',
    });
  });

  it.each([
    ['a size of zero', ['--products', '0'], /^--products must be a whole number 1…1000000, got 0\n$/],
    [
      'a size that is too large',
      ['--reviews', '10000001'],
      /^--reviews must be a whole number 0…10000000, got 10000001\n$/,
    ],
    ['a word', ['--reviews', 'many'], /^--reviews must be a whole number 0…10000000, got 'many'\n$/],
    ['a negative size', ['--products=-1'], /^--products must be a whole number 1…1000000, got '-1'\n$/],
    ['a missing value', ['--products'], /^.*--products.*\n$/],
    ['an unknown option', ['--customers', '3'], /^.*--customers.*\n$/],
    ['an unexpected argument', ['1000'], /^error: too many arguments.*\n$/],
  ])('rejects %s with one line', async (_what, args, line) => {
    const ending = await runBuilt('seed-cli', await migratedDatabase(), args);
    expect(ending).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(line) });
  });

  it('names the command to run first if the tables are missing', async () => {
    const ending = await runBuilt('seed-cli', await emptyDatabase());
    const stderr = 'The tables are not there. Run first: npm run migrate\n';
    expect(ending).toEqual({ exitCode: 1, stdout: '', stderr });
  });

  it('rejects a missing DATABASE_URL with one line', async () => {
    const ending = await runBuilt('seed-cli', null);
    expect(ending).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringMatching(/^DATABASE_URL .+\n$/) });
  });
});

async function migratedDatabase(): Promise<string> {
  const url = await emptyDatabase();
  await migrate({ url });
  return url;
}

/** A checksum over all rows of all tables. */
async function checksum(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{ sum: string }>`
    select md5(
      (select string_agg(categories::text, ',' order by id) from categories) ||
      (select string_agg(products::text, ',' order by id) from products) ||
      (select string_agg(reviews::text, ',' order by id) from reviews)) as sum`.execute(db);
  return rows[0]?.sum ?? 'none';
}
