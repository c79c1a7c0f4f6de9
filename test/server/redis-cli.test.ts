import { expect, it } from 'vitest';
import { redisCliFor } from '../../src/server/redis-cli.ts';

it.each([
  ['/tmp/cachepot-redis-x/redis.sock', 'redis-cli -s /tmp/cachepot-redis-x/redis.sock'],
  ['/tmp/redis.sock?db=3', 'redis-cli -s /tmp/redis.sock -n 3'],
  ["/tmp/my folder/it's.sock", String.raw`redis-cli -s '/tmp/my folder/it'\''s.sock'`],
  ['redis://cache', 'redis-cli -h cache -p 6379'],
  ['redis://cache:6380/', 'redis-cli -h cache -p 6380'],
  ['redis://cache/2', 'redis-cli -h cache -p 6379 -n 2'],
  ['redis://cache?db=2', 'redis-cli -h cache -p 6379 -n 2'],
  ['rediss://cache.example:6380/0', 'redis-cli -h cache.example -p 6380 --tls'],
  ['redis://[::1]:7000', 'redis-cli -h ::1 -p 7000'],
  ['redis://shop:swordfish@cache', 'redis-cli -h cache -p 6379'],
  ['redis://:swordfish@cache', 'redis-cli -h cache -p 6379'],
  ["redis://a$(reboot)'b", String.raw`redis-cli -h 'a$(reboot)'\''b' -p 6379`],
])('%s is opened by %s', (address, command) => {
  expect(redisCliFor(address)).toBe(command);
});
