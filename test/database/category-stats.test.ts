import { sql, type Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';
import { categoryStats, type CategoryStats } from '../../src/database/category-stats.ts';
import type { Tables } from '../../src/database/tables.ts';
import { newShop, seededShop, type ShopDatabase } from './shop-database.ts';

describe('categoryStats', () => {
  it('returns the figures that loops over the rows of the seeded shop give, in one statement', async () => {
    const { db, statements } = seededShop();
    const stats = await categoryStats(db);
    expect(statements()).toHaveLength(1);
    expect(stats).toHaveLength(10);
    expect(stats).toEqual(await statsByLoops(db));
  });

  it('counts each product once whatever its reviews, and includes categories without products or reviews', async () => {
    const { db } = await oddShop();
    const stats = await categoryStats(db);
    expect(stats).toEqual(await statsByLoops(db));
    expect(stats).toEqual([
      // The mean of 0.10 and 0.20 is 0.15, not weighted by reviews.
      { id: 3, name: 'Best', productCount: 2, reviewCount: 4, avgRating: 4.75, avgPrice: '0.15', minPrice: '0.10', maxPrice: '0.20', totalStock: 12 }, // prettier-ignore
      // Equal ratings are ordered by id. 10/3 is 3.33.
      { id: 1, name: 'Equal A', productCount: 1, reviewCount: 3, avgRating: 3.33, avgPrice: '5.00', minPrice: '5.00', maxPrice: '5.00', totalStock: 7 }, // prettier-ignore
      { id: 4, name: 'Equal B', productCount: 2, reviewCount: 6, avgRating: 3.33, avgPrice: '3.34', minPrice: '0.00', maxPrice: '6.67', totalStock: 0 }, // prettier-ignore
      { id: 2, name: 'Empty', productCount: 0, reviewCount: 0, avgRating: null, avgPrice: null, minPrice: null, maxPrice: null, totalStock: 0 }, // prettier-ignore
      { id: 5, name: 'Unreviewed', productCount: 1, reviewCount: 0, avgRating: null, avgPrice: '99999999.99', minPrice: '99999999.99', maxPrice: '99999999.99', totalStock: 1 }, // prettier-ignore
    ]);
  });

  it('differs from the textbook join, which multiplies stock and weights prices by reviews', async () => {
    const { db } = await oddShop();
    const best = (await categoryStats(db)).find(({ name }) => name === 'Best');
    const textbook = await sql<{ totalStock: number; avgPrice: string }>`
      select sum(p.stock)::integer as "totalStock", round(avg(p.price), 2) as "avgPrice"
      from categories c left join products p on p.category_id = c.id left join reviews r on r.product_id = p.id
      where c.name = 'Best' group by c.id`.execute(db);
    expect(textbook.rows).toEqual([{ totalStock: 32, avgPrice: '0.13' }]);
    expect(best).toMatchObject({ totalStock: 12, avgPrice: '0.15' });
  });

  it('returns the largest Int for a stock that is larger, and does not fail', async () => {
    const stock = 2_147_483_647;
    const { db } = await newShop({
      categories: [{ id: 1, name: 'Full' }],
      products: [1, 2].map((id) => ({ id, category_id: 1, name: 'pallet', price: '1.00', stock })),
    });
    expect(await categoryStats(db)).toMatchObject([{ productCount: 2, totalStock: stock }]);
  });

  it('returns an empty list for a shop without categories', async () => {
    const { db } = await newShop({});
    expect(await categoryStats(db)).toEqual([]);
  });
});

function oddShop(): Promise<ShopDatabase> {
  const ratings = (product_id: number, ...values: number[]) => values.map((rating) => ({ product_id, rating }));
  return newShop({
    categories: ['Equal A', 'Empty', 'Best', 'Equal B', 'Unreviewed'].map((name, index) => ({ id: index + 1, name })),
    products: [
      { id: 1, category_id: 3, name: 'cheap, reviewed', price: '0.10', stock: 10 },
      { id: 2, category_id: 3, name: 'dear, reviewed once', price: '0.20', stock: 2 },
      { id: 3, category_id: 1, name: 'third', price: '5.00', stock: 7 },
      { id: 4, category_id: 4, name: 'free', price: '0', stock: 0 },
      { id: 5, category_id: 4, name: 'half a cent', price: '6.67', stock: 0 },
      { id: 6, category_id: 5, name: 'dearest', price: '99999999.99', stock: 1 },
    ],
    reviews: [
      ...ratings(1, 5, 5, 4),
      ...ratings(2, 5),
      ...ratings(3, 3, 3, 4),
      ...ratings(4, 3, 3, 4, 3),
      ...ratings(5, 3, 4),
    ],
  });
}

/** The same figures by loops over all rows, money in whole cents. */
async function statsByLoops(db: Kysely<Tables>): Promise<CategoryStats[]> {
  const [categories, products, reviews] = await Promise.all([
    db.selectFrom('categories').selectAll().execute(),
    db.selectFrom('products').selectAll().execute(),
    db.selectFrom('reviews').selectAll().execute(),
  ]);
  const rows = categories.map(({ id, name }) => {
    const own = products.filter((product) => product.category_id === id);
    const ids = new Set(own.map((product) => product.id));
    const ratings = reviews.filter((review) => ids.has(review.product_id)).map(({ rating }) => rating);
    const cents = own.map(({ price }) => Math.round(Number(price) * 100));
    const mean = ratings.length === 0 ? null : sum(ratings) / ratings.length;
    return {
      mean,
      stats: {
        id,
        name,
        productCount: own.length,
        reviewCount: ratings.length,
        avgRating: mean === null ? null : Math.round(mean * 100) / 100,
        avgPrice: money(cents.length === 0 ? null : Math.round(sum(cents) / cents.length)),
        minPrice: money(cents.length === 0 ? null : Math.min(...cents)),
        maxPrice: money(cents.length === 0 ? null : Math.max(...cents)),
        totalStock: sum(own.map(({ stock }) => stock)),
      },
    };
  });
  return rows.toSorted((a, b) => (b.mean ?? 0) - (a.mean ?? 0) || a.stats.id - b.stats.id).map(({ stats }) => stats);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function money(cents: number | null): string | null {
  return cents === null ? null : (cents / 100).toFixed(2);
}
