import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../src/config.ts';

const defaults = {
  port: 8_000,
  host: '127.0.0.1',
  keepAliveMs: 620_000,
  corsOrigins: [],
  databaseUrl: undefined,
  redisUrl: undefined,
  cacheNamespace: 'shop',
  cacheTtlMs: 60_000,
  cacheMemoryBytesMax: 33_554_432,
  changeFeed: 'auto',
  warmsUp: false,
  loadsAtOnceMax: undefined,
  shadow: 0,
  cdnTags: undefined,
  hasReport: true,
  hasConsole: true,
  adminToken: undefined,
  simulatesLatency: true,
  logLevel: 'info',
};

describe('the configuration', () => {
  it('has a default for everything, is frozen, and ignores other variables', () => {
    const config = readConfig({ PATH: '/bin', npm_config_port: 'x' });
    expect(config).toEqual(defaults);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('treats an empty variable as unset', () => {
    const names = [
      'PORT',
      'HOST',
      'KEEP_ALIVE_TIMEOUT',
      'CORS_ORIGINS',
      'DATABASE_URL',
      'REDIS_URL',
      'CACHE_NAMESPACE',
      'CACHE_TTL',
      'CACHE_REPORT',
      'CACHE_MEMORY_MB',
      'CHANGE_FEED',
      'WARM_UP',
      'LOADS_AT_ONCE',
      'SHADOW',
      'CDN_TAGS',
      'CDN_TAGS_SECRET',
    ];
    const empty = Object.fromEntries(
      [...names, 'CONSOLE', 'ADMIN_TOKEN', 'SIMULATED_LATENCY', 'LOG_LEVEL'].map((name) => [name, '']),
    );
    expect(readConfig(empty)).toEqual(defaults);
  });

  it.each([
    ['CHANGE_FEED', 'off', { changeFeed: 'off' }],
    ['CHANGE_FEED', 'required', { changeFeed: 'required' }],
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['HOST', '0.0.0.0', { host: '0.0.0.0' }],
    ['HOST', '::1', { host: '::1' }],
    ['KEEP_ALIVE_TIMEOUT', '1', { keepAliveMs: 1_000 }],
    ['KEEP_ALIVE_TIMEOUT', '86400', { keepAliveMs: 86_400_000 }],
    ['CORS_ORIGINS', '*', { corsOrigins: ['*'] }],
    ['CORS_ORIGINS', 'https://shop.example', { corsOrigins: ['https://shop.example'] }],
    [
      'CORS_ORIGINS',
      'https://a.example, http://localhost:3000,http://[::1]:8080,https://a.example',
      { corsOrigins: ['https://a.example', 'http://localhost:3000', 'http://[::1]:8080'] },
    ],
    ['DATABASE_URL', 'postgres://u:p@db:5432/shop', { databaseUrl: 'postgres://u:p@db:5432/shop' }],
    ['DATABASE_URL', 'postgresql://db/shop?sslmode=require', { databaseUrl: 'postgresql://db/shop?sslmode=require' }],
    ['DATABASE_URL', 'postgres://u@%2Ftmp%2Fx:5432/shop', { databaseUrl: 'postgres://u@%2Ftmp%2Fx:5432/shop' }],
    ['DATABASE_URL', 'postgres://u@/shop?host=/tmp', { databaseUrl: 'postgres://u@/shop?host=/tmp' }],
    ['DATABASE_URL', 'postgresql:///shop', { databaseUrl: 'postgresql:///shop' }],
    ['REDIS_URL', 'redis://redis:6379/1', { redisUrl: 'redis://redis:6379/1' }],
    ['REDIS_URL', 'rediss://:p@redis', { redisUrl: 'rediss://:p@redis' }],
    ['CACHE_NAMESPACE', 'shop_2-b', { cacheNamespace: 'shop_2-b' }],
    ['CACHE_NAMESPACE', 'x'.repeat(32), { cacheNamespace: 'x'.repeat(32) }],
    ['CACHE_TTL', '1', { cacheTtlMs: 1_000 }],
    ['CACHE_TTL', '86400', { cacheTtlMs: 86_400_000 }],
    ['CACHE_MEMORY_MB', '0', { cacheMemoryBytesMax: 0 }],
    ['CACHE_MEMORY_MB', '4096', { cacheMemoryBytesMax: 4_294_967_296 }],
    ['CACHE_REPORT', 'off', { hasReport: false }],
    ['CACHE_REPORT', 'on', { hasReport: true }],
    ['SIMULATED_LATENCY', 'off', { simulatesLatency: false }],
    ['CONSOLE', 'off', { hasConsole: false, warmsUp: true }],
    ['WARM_UP', 'on', { warmsUp: true }],
    ['WARM_UP', 'off', {}],
    ['WARM_UP', 'auto', {}],
    ['LOADS_AT_ONCE', '1', { loadsAtOnceMax: 1 }],
    ['LOADS_AT_ONCE', '1000', { loadsAtOnceMax: 1_000 }],
    ['SHADOW', '0.01', { shadow: 0.01 }],
    ['SHADOW', '.5', { shadow: 0.5 }],
    ['SHADOW', '1', { shadow: 1 }],
    ['SHADOW', '0', {}],
    ['CDN_TAGS', 'off', {}],
    ['CDN_TAGS', 'on', { cdnTags: {} }],
    ['CDN_TAGS_SECRET', 'x'.repeat(16), {}],
    ['ADMIN_TOKEN', 'a-b_c.d~1+/=', { adminToken: 'a-b_c.d~1+/=' }],
    ['LOG_LEVEL', 'trace', { logLevel: 'trace' }],
    ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
  ])('reads %s=%s', (name, text, expected) => {
    expect(readConfig({ [name]: text })).toEqual({ ...defaults, ...expected });
  });

  it('reads CDN_TAGS=hashed with its secret', () => {
    const secret = '0123456789abcdef';
    expect(readConfig({ CDN_TAGS: 'hashed', CDN_TAGS_SECRET: secret })).toEqual({ ...defaults, cdnTags: { secret } });
  });

  it('rejects CDN_TAGS=on with a secret: what is meant to be hidden would be readable', () => {
    const { message } = rejection({ CDN_TAGS: 'on', CDN_TAGS_SECRET: 'swordfish-swordfish' });
    expect(message).toBe(
      'CDN_TAGS must be hashed (or off) where CDN_TAGS_SECRET is set, got "on", which reveals the names',
    );
  });

  const port = 'PORT must be a whole number from 0 to 65535, got';
  const host = 'HOST must be a host name or an IP address, got';
  const database = 'DATABASE_URL must be a URL that begins with postgres:// or postgresql://, got';
  const redis = 'REDIS_URL must be redis://host or rediss://host, with :port and /database, got';
  const namespace = 'CACHE_NAMESPACE must be 1 to 32 of a-z, 0-9, _ and -, got';
  const ttl = 'CACHE_TTL must be a whole number from 1 to 86400 (seconds), got';
  const keepAlive = 'KEEP_ALIVE_TIMEOUT must be a whole number from 1 to 86400 (seconds), got';
  const level = 'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, got';
  const token = 'ADMIN_TOKEN must be 1 to 512 visible ASCII characters, got';
  const cdnSecret = 'CDN_TAGS_SECRET must be 16 to 512 visible ASCII characters, got';
  const origins =
    'CORS_ORIGINS must be * or origins with commas between them, such as https://shop.example or http://localhost:3000, got';
  const isEncoded = '(is the password percent-encoded?)';
  const unreadable = 'that cannot be read (is the password percent-encoded?)';
  it.each([
    ['PORT', 'abc', `${port} "abc"`],
    ['PORT', '65536', `${port} "65536"`],
    ['PORT', '-1', `${port} "-1"`],
    ['PORT', '80.5', `${port} "80.5"`],
    ['PORT', '0x50', `${port} "0x50"`],
    ['PORT', ' 80', `${port} " 80"`],
    ['PORT', '9'.repeat(100), `${port} "${'9'.repeat(80)}…"`],
    ['HOST', 'http://localhost', `${host} "http://localhost"`],
    ['HOST', 'a\nb', `${host} "a\\nb"`],
    ['KEEP_ALIVE_TIMEOUT', '0', `${keepAlive} "0"`],
    ['KEEP_ALIVE_TIMEOUT', '86401', `${keepAlive} "86401"`],
    ['KEEP_ALIVE_TIMEOUT', '60s', `${keepAlive} "60s"`],
    ['KEEP_ALIVE_TIMEOUT', '-1', `${keepAlive} "-1"`],
    ...[
      'shop.example',
      'https://shop.example/',
      'https://shop.example/page',
      'https://Shop.example',
      'https://shop.example:443',
      'https://user@shop.example',
      'https://*.shop.example',
      'https://münchen.example',
      'ftp://shop.example',
      'file:///page',
      'null',
      '*,https://shop.example',
      'https://a.example,,https://b.example',
      'https://a.example,',
      'https://a.example https://b.example',
    ].map((text): [string, string, string] => ['CORS_ORIGINS', text, `${origins} ${JSON.stringify(text)}`]),
    ['DATABASE_URL', 'mysql://u:secret@db/shop', `${database} a URL with protocol "mysql:"`],
    ['DATABASE_URL', 'u:secret@db/shop', `${database} 16 characters that are no URL`],
    ['DATABASE_URL', 'postgres://u:se/cr#et@db/shop', `${database} a URL with protocol "postgres:" ${unreadable}`],
    [
      'DATABASE_URL',
      'postgres://u:100%secret@db/shop',
      'DATABASE_URL must percent-encode special characters in UTF-8 (a % itself as %25), got a % at character 17 without two hexadecimal digits',
    ],
    [
      'DATABASE_URL',
      'postgres://u@db/shop?sslmode=require&sslrootcert=/nowhere/root.crt',
      "DATABASE_URL names a file that cannot be read: ENOENT: no such file or directory, open '/nowhere/root.crt'",
    ],
    ['REDIS_URL', 'http://:secret@redis', `${redis} a URL that begins with "http://"`],
    ['REDIS_URL', 'redis:6379', `${redis} 10 characters without "redis://" in front`],
    ['REDIS_URL', 'redis:///path', `${redis} a URL without a host`],
    ['REDIS_URL', '/tmp/redis.sock', `${redis} a path`],
    ['REDIS_URL', 'redis://:secret@redis/abc', `${redis} the path "/abc": a database is a whole number from 0`],
    ['REDIS_URL', 'redis://:100%secret@redis', `${redis} a URL with a malformed escape ${isEncoded}`],
    ['REDIS_URL', 'redis://:se#cret@redis', `${redis} a URL that cannot be read ${isEncoded}`],
    ['CACHE_NAMESPACE', 'shop:', `${namespace} "shop:"`],
    ['CACHE_NAMESPACE', 'sh*p', `${namespace} "sh*p"`],
    ['CACHE_NAMESPACE', '{shop}', `${namespace} "{shop}"`],
    ['CACHE_NAMESPACE', 'Shop', `${namespace} "Shop"`],
    ['CACHE_NAMESPACE', 'shop\n', `${namespace} "shop\\n"`],
    ['CACHE_NAMESPACE', 'x'.repeat(33), `${namespace} "${'x'.repeat(33)}"`],
    ['CACHE_TTL', '0', `${ttl} "0"`],
    ['CACHE_TTL', '86401', `${ttl} "86401"`],
    ['CACHE_TTL', '60s', `${ttl} "60s"`],
    ['CACHE_MEMORY_MB', '4097', 'CACHE_MEMORY_MB must be a whole number from 0 to 4096 (MiB), got "4097"'],
    ['CACHE_MEMORY_MB', '-1', 'CACHE_MEMORY_MB must be a whole number from 0 to 4096 (MiB), got "-1"'],
    ...['1.01', '-0.1', '1%', '1e-2', '.', '0,01', 'on'].map((text): [string, string, string] => [
      'SHADOW',
      text,
      `SHADOW must be a number from 0 to 1, such as 0.01, got ${JSON.stringify(text)}`,
    ]),
    ['CACHE_REPORT', 'true', 'CACHE_REPORT must be on or off, got "true"'],
    ['SIMULATED_LATENCY', 'ON', 'SIMULATED_LATENCY must be on or off, got "ON"'],
    ['CONSOLE', 'no', 'CONSOLE must be on or off, got "no"'],
    ['ADMIN_TOKEN', 'secret token', `${token} 12 characters, not all of them visible ASCII`],
    ['ADMIN_TOKEN', 'secret\n', `${token} 7 characters, not all of them visible ASCII`],
    ['CDN_TAGS', 'yes', 'CDN_TAGS must be off, on or hashed, got "yes"'],
    ['CDN_TAGS', 'hashed', 'CDN_TAGS_SECRET must be set for CDN_TAGS=hashed, got nothing'],
    ['CDN_TAGS_SECRET', 'a secret', `${cdnSecret} 8 characters, not all of them visible ASCII`],
    ['CDN_TAGS_SECRET', 'short-secret', `${cdnSecret} 12 characters`],
    ['CDN_TAGS_SECRET', 'x'.repeat(513), `${cdnSecret} 513 characters`],
    ['LOG_LEVEL', 'verbose', `${level} "verbose"`],
  ])('rejects %s=%s in one line', (name, text, message) => {
    const error = rejection({ [name]: text });
    expect(error.message).toBe(message);
    expect(error.message).not.toContain('secret');
  });

  it('names every invalid variable on a separate line', () => {
    const { message } = rejection({ CACHE_TTL: '0', PORT: 'x', LOG_LEVEL: 'loud', HOST: 'localhost' });
    expect(message.split('\n').map((line) => line.split(' ')[0])).toEqual(['PORT', 'CACHE_TTL', 'LOG_LEVEL']);
  });

  it.each<[Record<string, string>, string[]]>([
    [{ PORT: 'x', CDN_TAGS: 'hashed' }, ['PORT', 'CDN_TAGS_SECRET']],
    [{ PORT: 'x', CDN_TAGS: 'on', CDN_TAGS_SECRET: 'x'.repeat(16) }, ['PORT', 'CDN_TAGS']],
    [{ CDN_TAGS: 'hashed', CDN_TAGS_SECRET: 'short', REDIS_URL: 'redis' }, ['REDIS_URL', 'CDN_TAGS_SECRET']],
    [{ PORT: 'x', DATABASE_URL: 'postgres://u:100%@db/shop' }, ['PORT', 'DATABASE_URL']],
    [{ CDN_TAGS: 'on', CDN_TAGS_SECRET: 'short' }, ['CDN_TAGS_SECRET', 'CDN_TAGS']],
    [{ CDN_TAGS: 'yes', CDN_TAGS_SECRET: 'short' }, ['CDN_TAGS', 'CDN_TAGS_SECRET']],
  ])('names variables that do not fit each other together with the invalid ones: %o', (env, names) => {
    const { message } = rejection(env);
    expect(message.split('\n').map((line) => line.split(' ')[0])).toEqual(names);
  });
});

function rejection(env: Record<string, string>): ConfigError {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}
