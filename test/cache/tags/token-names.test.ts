import { assert, constantFrom, property, string } from 'fast-check';
import { expect, it } from 'vitest';
import { tagOf, tokenNameOf } from '../../../src/cache/tags/token-names.ts';

/** What is no tag has a name of letters, digits and `=` behind its mark. */
const tag = string({ unit: constantFrom('!', '\0', '*', 'a', ':'), minLength: 1, maxLength: 6 }).filter(
  (one) => !one.startsWith('\0!'),
);

it('gives each tag, and what is no tag, a name of its own, which leads back to it', () => {
  expect(() => assert(property(tag, (one) => tagOf(tokenNameOf(one)) === one))).not.toThrow();
});

it.each([
  ['products', 'products'],
  ['!odd', '!!odd'],
  ['\0db', '!db'],
])('spells %j as %j', (one, name) => {
  expect(tokenNameOf(one)).toBe(name);
});
