// How the address of a Redis server is parsed, and which addresses are rejected.
import { describe, expect, it } from 'vitest';
import { redisAddressFault } from '../../../../src/cache/index.ts';
import { parseRedisAddress } from '../../../../src/cache/store/redis/address.ts';

const port = 6_379;

describe('the address of a Redis server', () => {
  it.each<[string, object]>([
    ['redis://host', { host: 'host', port, db: 0 }],
    ['redis://host/', { host: 'host', port, db: 0 }],
    ['redis://host:6380/3', { host: 'host', port: 6_380, db: 3 }],
    ['redis://host/0', { host: 'host', port, db: 0 }],
    ['redis://host?db=3', { host: 'host', port, db: 3 }],
    ['redis://host/3?db=3', { host: 'host', port, db: 3 }],
    ['redis://host?family=6', { host: 'host', port, db: 0, family: 6 }],
    ['redis://my_redis-1.local/1', { host: 'my_redis-1.local', port, db: 1 }],
    ['redis://[::1]:6380/1', { host: '::1', port: 6_380, db: 1 }],
    ['rediss://host/1', { host: 'host', port, db: 1, tls: {} }],
    ['REDISS://host', { host: 'host', port, db: 0, tls: {} }],
    ['redis://:word@host', { host: 'host', port, db: 0, password: 'word' }],
    ['redis://user:word@host', { host: 'host', port, db: 0, username: 'user', password: 'word' }],
    ['redis://user@host', { host: 'host', port, db: 0, username: 'user', password: '' }],
    ['redis://:@host', { host: 'host', port, db: 0 }],
    ['redis://u%40x:%2F%3F%23%25@host/2', { host: 'host', port, db: 2, username: 'u@x', password: '/?#%' }],
    ['redis://:p@ss:w@host', { host: 'host', port, db: 0, password: 'p@ss:w' }],
    ['/tmp/redis.sock', { path: '/tmp/redis.sock', db: 0 }],
    ['/tmp/with space/r%20.sock?db=2', { path: '/tmp/with space/r%20.sock', db: 2 }],
  ])('is parsed: %s', (address, expected) => {
    expect(parseRedisAddress(address)).toEqual(expected);
    expect(redisAddressFault(address)).toBeUndefined();
  });

  const expectedForms =
    'createRedisStore: address must be redis://host, rediss://host with :port and /database, or the path of a Unix socket';
  const unencoded = 'is the password percent-encoded?';
  it.each<[unknown, string]>([
    ['', '0 characters without "redis://" in front'],
    ['6379', '4 characters without "redis://" in front'],
    ['localhost:6379', '14 characters without "redis://" in front'],
    [':secret@host', '12 characters without "redis://" in front'],
    ['//host/3', '8 characters without "redis://" in front'],
    ['redis:host', '10 characters without "redis://" in front'],
    ['http://:secret@host', 'a URL that begins with "http://"'],
    ['redis://', 'a URL without a host'],
    ['redis:///3', 'a URL without a host'],
    ['redis:///var/run/redis.sock', 'a URL without a host'],
    ['redis://host/abc', 'the path "/abc": a database is a whole number from 0'],
    ['redis://host/-1', 'the path "/-1": a database is a whole number from 0'],
    ['redis://host/+1', 'the path "/+1": a database is a whole number from 0'],
    ['redis://host/1.5', 'the path "/1.5": a database is a whole number from 0'],
    ['redis://host/0x1', 'the path "/0x1": a database is a whole number from 0'],
    ['redis://host/1e1', 'the path "/1e1": a database is a whole number from 0'],
    ['redis://host/01', 'the path "/01": a database is a whole number from 0'],
    ['redis://host/1/', 'the path "/1/": a database is a whole number from 0'],
    ['redis://host/1/2', 'the path "/1/2": a database is a whole number from 0'],
    ['redis://host//1', 'the path "//1": a database is a whole number from 0'],
    ['redis://host/%31', 'the path "/%31": a database is a whole number from 0'],
    ['redis://host/9999999999', 'the path "/9999999999": a database is a whole number from 0'],
    ['redis://host?db=x', '"db=x": a database is a whole number from 0'],
    ['redis://host?db=', '"db=": a database is a whole number from 0'],
    ['redis://host/1?db=2', 'two databases, 1 and 2'],
    ['redis://host?db=1&db=2', 'the parameter "db" twice'],
    ['redis://host?family=5', '"family=5": a family is 0, 4 or 6'],
    ['redis://host?keyPrefix=x', 'the parameter "keyPrefix": only "db" and "family" are known'],
    ['/tmp/r.sock?host=other', 'the parameter "host": only "db" and "family" are known'],
    ['/tmp/r.sock?a?b', 'a path with two question marks'],
    ['redis://host:0', 'a URL with port 0'],
    ['redis://host:70000', `a URL that cannot be read (${unencoded})`],
    ['redis://h%20st', 'a URL whose host has characters that no host name has'],
    ['redis://host#3', `a URL with "#" (${unencoded})`],
    ['redis://:100%secret@host', `a URL with a malformed escape (${unencoded})`],
    ['redis://u:12/secret@host', `a URL with "@" behind its host (${unencoded})`],
    ['redis://u:12?secret=1@host/3', `a URL with "@" behind its host (${unencoded})`],
    ['redis://u:12#secret@host/3', `a URL with "@" behind its host (${unencoded})`],
    ['redis://:se/cret@host', `a URL that cannot be read (${unencoded})`],
    [' redis://host', 'a text with white space at its ends or control characters'],
    ['redis://host/3\n', 'a text with white space at its ends or control characters'],
    ['redis://ho\tst', 'a text with white space at its ends or control characters'],
    [undefined, 'undefined'],
    [null, 'null'],
    [6_379, 'number'],
  ])('is rejected: %j', (address, got) => {
    expect(redisAddressFault(address)).toBe(got);
    expect(got).not.toContain('secret');
    const error = { code: 'INVALID_OPTIONS', message: `${expectedForms}, got ${got}` };
    expect(() => parseRedisAddress(address)).toThrow(expect.objectContaining(error));
  });
});
