import { expect, it } from 'vitest';
import { noCodecs } from '../../../src/cache/entry/class-codecs.ts';
import { codecVersion, decodeValue } from '../../../src/cache/entry/codec.ts';
import { apartText } from '../../../src/cache/entry/properties.ts';

it('a program that does not know properties apart finds the value corrupt, so the stored form of others stays as it was', () => {
  expect(() => decodeValue(JSON.parse(apartText), noCodecs)).toThrow('a stored value has the unknown type "fields"');
  expect(codecVersion).toBe(4);
});
