import { ProductNotFoundError } from '../src/database/index.ts';
import { builder } from './builder.ts';
import { checked, integerRule, InvalidInputError, textRule } from './input-rules.ts';
import { Review } from './products.ts';
import { afterWrite, writeComplexity } from './write.ts';

const rules = { rating: integerRule({ min: 1, max: 5 }), comment: textRule({ charsMax: 2_000 }) };

builder.mutationField('addReview', (t) =>
  t.field({
    type: Review,
    description: 'Adds a review to a product.',
    args: {
      productId: t.arg.int({ required: true }),
      rating: t.arg.int({ required: true, description: '1 to 5.' }),
      comment: t.arg.string({ description: 'At most 2,000 characters; null or absent for none.' }),
    },
    complexity: writeComplexity,
    errors: { types: [InvalidInputError, ProductNotFoundError] },
    resolve: async (_parent, { productId, rating, comment }, context) => {
      const review = checked({ rating, comment: comment ?? undefined }, rules);
      const added = context.shop.addReview({ productId, rating: review.rating, comment: review.comment ?? null });
      return await afterWrite(context, added);
    },
  }),
);
