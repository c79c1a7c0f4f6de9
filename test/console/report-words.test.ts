import { describe, expect, it } from 'vitest';
import { ageText, ttlLeft, ttlText } from '../../src/console/cache-panel/fields/lifetime.ts';
import { pathText, sourceText } from '../../src/console/cache-panel/words/report-words.ts';
import { formatDuration } from '../../src/console/cache-panel/words/format-duration.ts';

it.each([
  [['statsCached'], 'statsCached'],
  [['products', 0, 'category', 'name'], 'products[0].category.name'],
  [['matrix', 1, 2], 'matrix[1][2]'],
])('writes the path %j as %s', (path, text) => expect(pathText(path)).toBe(text));

it.each([
  [{ source: 'database', tier: null }, 'Database'],
  [{ source: 'cache', tier: 'redis' }, 'Cache, Redis'],
  [{ source: 'cache', tier: 'memory' }, 'Cache, memory tier'],
  [{ source: 'cache' }, 'Cache'],
] as const)('says where %j came from', (row, text) => expect(sourceText(row)).toBe(text));

describe('the TTL', () => {
  it('counts down, and ends as expired', () => {
    expect(ttlText(57_001, 0)).toBe('expires in 58 s');
    expect(ttlText(57_000, 56_999)).toBe('expires in 1 s');
    expect(ttlText(57_000, 57_000)).toBe('expired');
    expect(ttlText(57_000, 99_000)).toBe('expired');
  });

  it('does not count down if it is not known when the response arrived', () => {
    expect(ttlText(57_000, undefined)).toBe('57 s to live when it arrived');
    expect(ttlLeft({ ageMs: 0, ttlMs: 57_000 }, undefined)).toBeUndefined();
  });

  it('is not there for a value that is not stored', () => {
    expect(ttlText(null, 0)).toBeUndefined();
    expect(ageText(null, 0)).toBeUndefined();
  });

  it('is shown as the part of the whole TTL that is left', () => {
    expect(ttlLeft({ ageMs: 15_000, ttlMs: 45_000 }, 15_000)).toBe(0.5);
    expect(ttlLeft({ ageMs: 15_000, ttlMs: 45_000 }, 99_000)).toBe(0);
  });
});

it('lets the age grow after the response has arrived', () => expect(ageText(2_500, 700)).toBe('stored 3 s ago'));

it.each([
  [0, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [65_000, '1 min 5 s'],
  [3_600_000, '1 h'],
  [7_380_000, '2 h 3 min'],
  [90_000_000, '1 d 1 h'],
])('writes %d ms as %s', (ms, text) => expect(formatDuration(ms)).toBe(text));
