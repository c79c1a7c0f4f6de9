import type { Codec } from 'cachepot/cache';
import { Decimal } from 'decimal.js';

/** Stores the instances of decimal.js. */
export const decimalCodec: Codec<Decimal, string> = {
  name: 'Decimal',
  test: (value) => value instanceof Decimal,
  encode: (value) => value.toJSON(),
  decode: (text) => new Decimal(text),
};
