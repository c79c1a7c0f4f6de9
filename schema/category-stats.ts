import type { CategoryStats as CategoryStatsRow } from '../src/database/index.ts';
import { builder, categoriesAssumed } from './builder.ts';

const CategoryStats = builder.objectRef<CategoryStatsRow>('CategoryStats').implement({
  description: 'A category with figures over its products and their reviews.',
  fields: (t) => ({
    id: t.exposeInt('id'),
    name: t.exposeString('name'),
    productCount: t.exposeInt('productCount'),
    reviewCount: t.exposeInt('reviewCount'),
    avgRating: t.exposeFloat('avgRating', { nullable: true, description: 'Over all reviews; null without any.' }),
    avgPrice: t.expose('avgPrice', {
      type: 'Decimal',
      nullable: true,
      description: 'Over products; null without any.',
    }),
    minPrice: t.expose('minPrice', { type: 'Decimal', nullable: true }),
    maxPrice: t.expose('maxPrice', { type: 'Decimal', nullable: true }),
    totalStock: t.exposeInt('totalStock', { description: 'The sum over its products.' }),
  }),
});

builder.queryField('categoryStats', (t) =>
  t.field({
    type: [CategoryStats],
    description: 'Every category, best rating first.',
    complexity: { field: 1, multiplier: categoriesAssumed },
    cache: { scope: 'public' },
    resolve: (_parent, _args, { shop }) => shop.categoryStats(),
  }),
);
