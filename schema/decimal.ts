import { GraphQLError } from 'graphql';
import { builder } from './builder.ts';

/** Money never passes through a float: PostgreSQL's `numeric` is a string here, and in responses. */
builder.scalarType('Decimal', {
  description: 'A decimal number with two places, as a string: "12.30".',
  serialize: decimal,
  parseValue: decimal,
});

function decimal(value: unknown): string {
  if (typeof value === 'string' && /^-?\d+\.\d{2}$/.test(value)) return value;
  throw new GraphQLError(`Decimal must be text with two places such as "12.30", got ${JSON.stringify(value)}`, {
    extensions: { code: 'BAD_USER_INPUT' },
  });
}
