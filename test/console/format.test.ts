import { expect, it } from 'vitest';
import { formatMs } from '../../src/console/cache-panel/words/format.ts';

it.each([
  [0, '0.00 ms'],
  [0.001, '< 0.01 ms'],
  [0.005, '0.01 ms'],
  [0.412, '0.41 ms'],
  [38.16, '38.2 ms'],
  [314.2, '314 ms'],
  [1_200, '1.20 s'],
])('%s ms is shown as %s', (ms, text) => expect(formatMs(ms)).toBe(text));
