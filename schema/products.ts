import type { Category as CategoryRow, Product as ProductRow, Review as ReviewRow } from '../src/database/index.ts';
import { limitRange, listComplexity, requireInRange, requireText } from './arguments.ts';
import { builder } from './builder.ts';

const searchLengthMax = 200;

export const Review = builder.objectRef<ReviewRow>('Review').implement({
  fields: (t) => ({
    id: t.exposeInt('id'),
    rating: t.exposeInt('rating', { description: '1 to 5.' }),
    comment: t.exposeString('comment', { nullable: true }),
    createdAt: t.exposeString('createdAt', { description: 'ISO 8601, UTC.' }),
  }),
});

const Category = builder.objectRef<CategoryRow>('Category');
export const Product = builder.objectRef<ProductRow>('Product');

Category.implement({
  fields: (t) => ({
    id: t.exposeInt('id'),
    name: t.exposeString('name'),
    products: t.field({
      type: [Product],
      description: 'Its products, by id.',
      args: { limit: t.arg.int({ required: true, defaultValue: 20, description: '1 to 100.' }) },
      complexity: ({ limit }) => listComplexity(limit),
      resolve: async ({ id }, { limit }, { loaders }) => {
        requireInRange('limit', limit, limitRange);
        return await loaders.categoryProducts.load({ categoryId: id, limit });
      },
    }),
  }),
});

Product.implement({
  fields: (t) => ({
    id: t.exposeInt('id'),
    name: t.exposeString('name'),
    description: t.exposeString('description'),
    price: t.expose('price', { type: 'Decimal' }),
    stock: t.exposeInt('stock'),
    category: t.expose('category', { type: Category }),
    reviews: t.field({
      type: [Review],
      description: 'Its reviews, newest first.',
      args: { limit: t.arg.int({ required: true, defaultValue: 5, description: '1 to 100.' }) },
      complexity: ({ limit }) => listComplexity(limit),
      resolve: async ({ id }, { limit }, { loaders }) => {
        requireInRange('limit', limit, limitRange);
        return await loaders.productReviews.load({ productId: id, limit });
      },
    }),
  }),
});

builder.queryField('searchProducts', (t) =>
  t.field({
    type: [Product],
    description: 'Products whose name or description contains a text, ignoring case; by id.',
    args: {
      q: t.arg.string({ required: true, defaultValue: '', description: 'At most 200 characters; empty lists all.' }),
      categoryId: t.arg.int({ required: false }),
      limit: t.arg.int({ required: true, defaultValue: 50, description: '1 to 100.' }),
    },
    complexity: ({ limit }) => listComplexity(limit),
    cache: { scope: 'public' },
    resolve: async (_parent, { q, categoryId, limit }, { shop }) => {
      requireText('q', q, searchLengthMax);
      requireInRange('limit', limit, limitRange);
      return await shop.searchProducts({ q, categoryId: categoryId ?? null, limit });
    },
  }),
);
