import { expect, it } from 'vitest';
import { randomText } from '../../../src/cache/base/random-text.ts';
import { times } from '../world.ts';

it('never gives the same bytes twice, however many are taken', () => {
  const taken = times(20_000, (index) => Buffer.from(randomText(index % 3 === 0 ? 12 : 16), 'base64url'));
  const ends = taken.flatMap((bytes) => [bytes.subarray(0, 6), bytes.subarray(-6)].map((end) => end.toString('hex')));
  expect(new Set(ends).size).toBe(2 * taken.length);
});

it('gives as many as are asked for', () => {
  const lengths = times(2_000, (index) => (index % 64) + 1);
  expect(lengths.map((bytes) => Buffer.from(randomText(bytes), 'base64url').length)).toEqual(lengths);
});
