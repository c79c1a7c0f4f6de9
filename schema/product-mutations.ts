import {
  CategoryNotFoundError,
  ProductNotFoundError,
  type DeletedProduct as DeletedProductRow,
} from '../src/database/index.ts';
import { builder } from './builder.ts';
import { checked, integerRule, InvalidInputError, textRule, trimmedTextRule, type Rule } from './input-rules.ts';
import { Product } from './products.ts';
import { afterWrite, writeComplexity } from './write.ts';

const name = trimmedTextRule({ charsMin: 1, charsMax: 200 });
const description = textRule({ charsMax: 5_000 });
const price: Rule<string> = {
  expected: 'an amount from 0.00 to 99999999.99',
  valid: (amount) => (/^\d{1,8}\.\d{2}$/.test(amount) ? amount : undefined),
};
const stock = integerRule({ min: 0, max: 2_147_483_647 });
/** Whether the category exists is known when it is referred to. */
const categoryId: Rule<number> = { expected: 'the id of a category', valid: (id) => id };
const rules = { name, description, price, stock, categoryId };

const CreateProductInput = builder.inputType('CreateProductInput', {
  fields: (t) => ({
    name: t.string({ required: true, description: 'At most 200 characters, without white space at its ends.' }),
    description: t.string({ required: true, defaultValue: '', description: 'At most 5,000 characters.' }),
    price: t.field({ type: 'Decimal', required: true, description: '0.00 to 99999999.99.' }),
    stock: t.int({ required: true, defaultValue: 0, description: '0 or more.' }),
    categoryId: t.int({ required: true }),
  }),
});

const UpdateProductInput = builder.inputType('UpdateProductInput', {
  description: 'At least one field. A field that is absent remains as it is; null is not valid.',
  fields: (t) => ({
    name: t.string({ description: 'At most 200 characters, without white space at its ends.' }),
    description: t.string({ description: 'At most 5,000 characters.' }),
    price: t.field({ type: 'Decimal', description: '0.00 to 99999999.99.' }),
    stock: t.int({ description: '0 or more.' }),
    categoryId: t.int({ description: 'The category to move it to.' }),
  }),
});

const DeletedProduct = builder.objectRef<DeletedProductRow>('DeletedProduct').implement({
  fields: (t) => ({
    id: t.exposeInt('id'),
    reviewsDeleted: t.exposeInt('reviewsDeleted', { description: 'Its reviews, which were deleted with it.' }),
  }),
});

builder.mutationFields((t) => ({
  createProduct: t.field({
    type: Product,
    description: 'Creates a product.',
    args: { input: t.arg({ type: CreateProductInput, required: true }) },
    complexity: writeComplexity,
    errors: { types: [InvalidInputError, CategoryNotFoundError] },
    resolve: async (_parent, { input }, context) => {
      const product = checked(input, rules);
      return await afterWrite(context, context.shop.createProduct(product));
    },
  }),
  updateProduct: t.field({
    type: Product,
    description: 'Changes fields of a product.',
    args: { id: t.arg.int({ required: true }), input: t.arg({ type: UpdateProductInput, required: true }) },
    complexity: writeComplexity,
    errors: { types: [InvalidInputError, ProductNotFoundError, CategoryNotFoundError] },
    resolve: async (_parent, { id, input }, context) => {
      const changes = checked(input, rules);
      if (Object.keys(changes).length === 0) throw nothingToChange();
      return await afterWrite(context, context.shop.updateProduct(id, changes));
    },
  }),
  deleteProduct: t.field({
    type: DeletedProduct,
    description: 'Deletes a product with its reviews.',
    args: { id: t.arg.int({ required: true }) },
    complexity: writeComplexity,
    errors: { types: [ProductNotFoundError] },
    resolve: (_parent, { id }, context) => afterWrite(context, context.shop.deleteProduct(id)),
  }),
}));

function nothingToChange(): InvalidInputError {
  return new InvalidInputError([{ field: 'input', expected: 'an object with at least one field', received: '{}' }]);
}
