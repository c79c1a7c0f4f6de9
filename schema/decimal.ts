import { GraphQLError } from 'graphql';
import { builder } from './builder.ts';

// Takes linear time: leading zeros are removed afterwards.
const input = /^(-?)(\d+)(?:\.(\d{1,2}))?$/;

/** Money never passes through a float: PostgreSQL's `numeric` is a string here, and in responses. */
builder.scalarType('Decimal', {
  description:
    'A decimal number as a string, with two places: "12.30". As an input it may have fewer places; a number without quotes is not accepted.',
  serialize(value) {
    if (typeof value === 'string' && /^-?\d+\.\d{2}$/.test(value)) return value;
    throw invalid('text with two places such as "12.30"', value);
  },
  parseValue(value) {
    const [, sign, digits, places = ''] = (typeof value === 'string' && input.exec(value)) || [];
    if (sign === undefined || digits === undefined)
      throw invalid('text with at most two places such as "12.30"', value);
    return `${sign}${digits.replace(/^0+(?=\d)/, '')}.${places.padEnd(2, '0')}`;
  },
});

const receivedCharsMax = 60;

function invalid(expected: string, value: unknown): GraphQLError {
  const received = JSON.stringify(value) ?? String(value);
  const shown = received.length > receivedCharsMax ? `${received.slice(0, receivedCharsMax)}…` : received;
  return new GraphQLError(`Decimal must be ${expected}, got ${shown}`, { extensions: { code: 'BAD_USER_INPUT' } });
}
