import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { redisGetCommand, shellQuoted } from '../../src/console/cache-panel/fields/redis-command.ts';

it('reads a key as it is from the Redis of the server', () => {
  expect(redisGetCommand('shop:28251f:Query:categoryStats', 'redis-cli -s /tmp/x/redis.sock')).toBe(
    'redis-cli -s /tmp/x/redis.sock GET shop:28251f:Query:categoryStats',
  );
  expect(redisGetCommand('shop:28251f:Query:searchProducts:cXE')).toMatch(/^redis-cli GET /);
});

it.each(["it's", '$(touch /tmp/x)', '`id`', '"', '*', '', 'two words', 'a;b', String.raw`\n`, '{shop}:lease'])(
  'gives %j to a shell as one word, unchanged',
  (key) => expect(echoed(shellQuoted(key))).toBe(key),
);

it('quotes any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const key = text.replaceAll('\0', '');
      expect(echoed(shellQuoted(key))).toBe(key);
    }),
    { numRuns: 50 },
  );
});

function echoed(word: string): string {
  return execFileSync('/bin/sh', ['-c', `printf %s ${word}`], { encoding: 'utf8' });
}
