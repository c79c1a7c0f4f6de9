import { describe, expect, it } from 'vitest';
import { topProducts } from '../../src/database/top-products.ts';
import { newShop, seededShop, type ShopDatabase } from './shop-database.ts';

describe('topProducts', () => {
  it('ranks within each category, and ties share a rank, in one statement', async () => {
    const { db, statements } = await rankedShop();
    expect(await topProducts(db, { perCategory: 3, minReviews: 2 })).toEqual([
      { id: 6, name: 'f', price: '1.00', category: 'Two', reviewCount: 2, avgRating: 5, rankInCategory: 1 },
      { id: 2, name: 'b', price: '1.00', category: 'One', reviewCount: 4, avgRating: 4.5, rankInCategory: 1 },
      { id: 1, name: 'a', price: '1.00', category: 'One', reviewCount: 2, avgRating: 4.5, rankInCategory: 1 },
      { id: 3, name: 'c', price: '1.00', category: 'One', reviewCount: 2, avgRating: 4.5, rankInCategory: 1 },
    ]);
    expect(statements()).toHaveLength(1);
  });

  it('skips the ranks that are shared', async () => {
    const { db } = await rankedShop();
    const top = await topProducts(db, { perCategory: 4, minReviews: 2 });
    expect(top.map(({ id, rankInCategory }) => [id, rankInCategory])).toEqual([
      [6, 1],
      [2, 1],
      [1, 1],
      [3, 1],
      [4, 4],
    ]);
  });

  it('omits products with fewer reviews than requested, and always those without a review', async () => {
    const { db } = await rankedShop();
    const ids = async (minReviews: number) =>
      (await topProducts(db, { perCategory: 9, minReviews })).map(({ id }) => id);
    expect(await ids(0)).toEqual([6, 5, 2, 1, 3, 4]);
    expect(await ids(1)).toEqual([6, 5, 2, 1, 3, 4]);
    expect(await ids(3)).toEqual([2]);
    expect(await ids(1_000)).toEqual([]);
  });

  it('ranks by the exact mean if the rounded means are equal', async () => {
    const many = (product_id: number, count: number, ...last: number[]) =>
      [...Array.from({ length: count }, () => 5), ...last].map((rating) => ({ product_id, rating }));
    const { db } = await newShop({
      categories: [{ id: 1, name: 'One' }],
      products: [1, 2].map((id) => ({ id, category_id: 1, name: `p${id}`, price: '1.00' })),
      reviews: [...many(1, 300, 4), ...many(2, 400, 4)],
    });
    const top = await topProducts(db, { perCategory: 2, minReviews: 1 });
    expect(top.map(({ id, avgRating, rankInCategory }) => [id, avgRating, rankInCategory])).toEqual([
      [2, 5, 1],
      [1, 5, 2],
    ]);
  });

  it('returns what loops over the rows of the seeded shop give', async () => {
    const { db } = seededShop();
    const reviews = await db.selectFrom('reviews').select(['product_id', 'rating']).execute();
    const products = await db.selectFrom('products').select(['id', 'category_id']).execute();
    const means = products.flatMap(({ id, category_id }) => {
      const ratings = reviews.filter(({ product_id }) => product_id === id).map(({ rating }) => rating);
      if (ratings.length < 5) return [];
      return [{ id, category_id, count: ratings.length, mean: ratings.reduce((a, b) => a + b, 0) / ratings.length }];
    });
    const best = means
      .map((row) => ({
        ...row,
        rank: 1 + means.filter((other) => other.category_id === row.category_id && other.mean > row.mean).length,
      }))
      .filter(({ rank }) => rank <= 3)
      .toSorted((a, b) => b.mean - a.mean || b.count - a.count || a.id - b.id);
    const top = await topProducts(db, { perCategory: 3, minReviews: 5 });
    expect(
      top.map(({ id, reviewCount, avgRating, rankInCategory }) => [id, reviewCount, avgRating, rankInCategory]),
    ).toEqual(best.map(({ id, count, mean, rank }) => [id, count, Math.round(mean * 100) / 100, rank]));
    expect(new Set(top.map(({ category }) => category)).size).toBe(10);
  });
});

/** Category One: a, b and c tie at 4.5, d has 3, g has no review. Category Two: e has one review, f two. */
function rankedShop(): Promise<ShopDatabase> {
  const ratings = { 1: [4, 5], 2: [4, 5, 4, 5], 3: [5, 4], 4: [3, 3], 5: [5], 6: [5, 5] };
  return newShop({
    categories: [
      { id: 1, name: 'One' },
      { id: 2, name: 'Two' },
    ],
    products: ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name, index) => ({
      id: index + 1,
      category_id: name === 'e' || name === 'f' ? 2 : 1,
      name,
      price: '1.00',
    })),
    reviews: Object.entries(ratings).flatMap(([id, values]) =>
      values.map((rating) => ({ product_id: Number(id), rating })),
    ),
  });
}
