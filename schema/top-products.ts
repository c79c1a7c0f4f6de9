import type { TopProduct as TopProductRow } from '../src/database/index.ts';
import { limitRange, listComplexity, requireInRange } from './arguments.ts';
import { builder, categoriesAssumed } from './builder.ts';

const minReviewsRange = { min: 0, max: 1_000_000 };

const TopProduct = builder.objectRef<TopProductRow>('TopProduct').implement({
  description: 'A product among the best rated of its category.',
  fields: (t) => ({
    id: t.exposeInt('id'),
    name: t.exposeString('name'),
    price: t.expose('price', { type: 'Decimal' }),
    category: t.exposeString('category'),
    reviewCount: t.exposeInt('reviewCount'),
    avgRating: t.exposeFloat('avgRating'),
    rankInCategory: t.exposeInt('rankInCategory', { description: '1 is the best; equals share a rank.' }),
  }),
});

builder.queryField('topProducts', (t) =>
  t.field({
    type: [TopProduct],
    description: 'The best rated products of each category; by rating, then number of reviews.',
    args: {
      perCategory: t.arg.int({ required: true, defaultValue: 3, description: 'Ranks to list, 1 to 100.' }),
      minReviews: t.arg.int({
        required: true,
        defaultValue: 5,
        description: 'Products with fewer reviews are left out.',
      }),
    },
    complexity({ perCategory }) {
      const { field, multiplier } = listComplexity(perCategory);
      return { field, multiplier: multiplier * categoriesAssumed };
    },
    cache: { scope: 'public' },
    resolve: async (_parent, { perCategory, minReviews }, { shop }) => {
      requireInRange('perCategory', perCategory, limitRange);
      requireInRange('minReviews', minReviews, minReviewsRange);
      return await shop.topProducts({ perCategory, minReviews });
    },
  }),
);
