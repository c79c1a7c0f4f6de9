/** Errors of mutations as types, which a client selects by `__typename`. The plugin returns them where a resolver throws their class. */
import { CategoryNotFoundError, ProductNotFoundError } from '../src/database/index.ts';
import { builder } from './builder.ts';
import { InvalidInputError, type InputProblem as Problem } from './input-rules.ts';

const ShopError = builder.interfaceRef<Error>('ShopError').implement({
  description: 'Why a mutation has changed nothing.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What was expected and what was received, in a sentence.' }),
  }),
});

const InputProblem = builder.objectRef<Problem>('InputProblem').implement({
  description: 'A value that is not valid.',
  fields: (t) => ({
    field: t.exposeString('field', { description: 'The argument, or the field of `input`.' }),
    expected: t.exposeString('expected', { description: 'What is valid.' }),
    received: t.exposeString('received', { description: 'As JSON, shortened.' }),
  }),
});

builder.objectType(InvalidInputError, {
  name: 'InvalidInput',
  description: 'Values that are not valid.',
  interfaces: [ShopError],
  fields: (t) => ({
    problems: t.field({
      type: [InputProblem],
      description: 'All of them, at least one.',
      complexity: { field: 1, multiplier: 5 },
      resolve: ({ problems }) => [...problems],
    }),
  }),
});

builder.objectType(ProductNotFoundError, {
  name: 'ProductNotFound',
  description: 'No product has this id, or no longer.',
  interfaces: [ShopError],
  fields: (t) => ({ id: t.exposeInt('id') }),
});

builder.objectType(CategoryNotFoundError, {
  name: 'CategoryNotFound',
  description: 'No category has this id, or no longer.',
  interfaces: [ShopError],
  fields: (t) => ({ id: t.exposeInt('id') }),
});
