import { describe, expect, it } from 'vitest';
import { searchProducts } from '../../src/database/search-products.ts';
import { newShop, seededShop, type ShopDatabase } from './shop-database.ts';

describe('searchProducts', () => {
  it('returns each product with its category, in one statement', async () => {
    const { db, statements } = await oddShop();
    expect(await searchProducts(db, { q: 'kettle', limit: 50 })).toEqual([
      { id: 1, name: 'Steel Kettle', description: 'Boils 100% of it', price: '19.90', stock: 3, category: { id: 1, name: 'Kitchen' } }, // prettier-ignore
    ]);
    expect(statements()).toHaveLength(1);
  });

  it('finds products that contain the text literally, ignoring case', async () => {
    const { db } = await oddShop();
    const searches: [what: string, q: string, ids: number[]][] = [
      ['in the name, ignoring case', 'STEEL', [1, 3]],
      ['in the description, ignoring case', 'BOILS', [1, 2]],
      ['in the middle of a word', 'ettl', [1]],
      ['a percent sign', '%', [1]],
      ['a percent sign and what follows', '100% of', [1]],
      ['an underscore', '_', [2]],
      ['a backslash', '\\', [3]],
      ['a backslash before a percent sign', '\\%', []],
      ['two backslashes', '\\\\', []],
      ['an apostrophe', "'", [4]],
      ['an empty text, which lists all', '', [1, 2, 3, 4]],
      ['a word that does not occur', 'zeppelin', []],
    ];
    for (const [what, q, ids] of searches) {
      const found = await searchProducts(db, { q, limit: 50 });
      expect({ what, ids: found.map(({ id }) => id) }).toEqual({ what, ids });
    }
  });

  it('restricts the results to one category, whether name or description match', async () => {
    const { db } = await oddShop();
    const ids = async (categoryId: number | null, q = 'steel') =>
      (await searchProducts(db, { q, categoryId, limit: 50 })).map(({ id }) => id);
    expect(await ids(1)).toEqual([1]);
    expect(await ids(2)).toEqual([3]);
    expect(await ids(null)).toEqual([1, 3]);
    expect(await ids(2, '')).toEqual([3, 4]);
  });

  it('returns an empty list for an unknown category', async () => {
    const { db } = seededShop();
    expect(await searchProducts(db, { q: '', categoryId: 4711, limit: 50 })).toEqual([]);
  });

  it('orders by id, and applies the limit', async () => {
    const { db } = seededShop();
    const found = await searchProducts(db, { q: '', limit: 100 });
    expect(found.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it('finds products for "wireless" and "steel" in the seeded shop', async () => {
    const { db } = seededShop();
    for (const q of ['wireless', 'steel']) {
      const found = await searchProducts(db, { q, limit: 100 });
      expect(found.length).toBeGreaterThan(10);
      expect(found.filter(({ name, description }) => !`${name} ${description}`.toLowerCase().includes(q))).toEqual([]);
    }
  });
});

function oddShop(): Promise<ShopDatabase> {
  return newShop({
    categories: [
      { id: 1, name: 'Kitchen' },
      { id: 2, name: 'Garage' },
    ],
    products: [
      { id: 1, category_id: 1, name: 'Steel Kettle', description: 'Boils 100% of it', price: '19.90', stock: 3 },
      { id: 2, category_id: 1, name: 'Pot', description: 'boils_over', price: '9.90' },
      { id: 3, category_id: 2, name: 'Wrench', description: 'C:\\steel', price: '5.00' },
      { id: 4, category_id: 2, name: "Driver's Mirror", price: '5.00' },
    ],
  });
}
