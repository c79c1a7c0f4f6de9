import { assert, constantFrom, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { tagOf, tokenNameOf } from '../../../src/cache/tags/token-names.ts';

/** Tags and internal names. An internal name has only letters, digits and `=` after its mark, so never a `!`. */
const tag = string({ unit: constantFrom('!', '\0', '*', 'a', ':'), minLength: 1, maxLength: 6 }).filter(
  (one) => !one.startsWith('\0!'),
);

it('maps each tag and each internal name to a token name that maps back to it', () => {
  expect(() => assert(property(tag, (one) => tagOf(tokenNameOf(one)) === one))).not.toThrow();
});

it.each([
  ['products', 'products'],
  ['!odd', '!!odd'],
  ['\0db', '!db'],
])('maps %j to the token name %j', (one, name) => {
  expect(tokenNameOf(one)).toBe(name);
});
