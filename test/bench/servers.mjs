/**
 * The servers that are measured: two that show what is possible, this project, plain cache-aside, and the peers.
 *
 * Each is a separate program, configured by `PORT`, `DATABASE_URL` and `REDIS_URL`. Nothing expires during a
 * measurement.
 */
const ttlSeconds = 86_400;

/** `node dist/src/main.js` with the settings of a public deployment. */
const deployed = {
  NODE_ENV: 'production',
  CACHE_TTL: String(ttlSeconds),
  CONSOLE: 'off',
  CHANGE_FEED: 'off', // The servers share a database, and each has a Redis of its own: one feed is for one of them.
  SIMULATED_LATENCY: 'off',
  LOG_LEVEL: 'warn',
};
const program = '../../dist/src/main.js';

const ours = (name, env) => ({ name, kind: 'ours', program, env: { ...deployed, ...env } });
const peer = (name, file, cache) => ({
  name,
  kind: 'peer',
  program: `servers/${file}.mjs`,
  env: { NODE_ENV: 'production', CACHE: cache, CACHE_TTL: String(ttlSeconds) },
});

/** All others are compared with these: the upper bound of `node:http`, and plain cache-aside. */
export const plain = { ...peer('node:http (same bytes)', 'plain', 'memory'), kind: 'limit' };
export const aside = peer('Yoga + cache-aside (Redis)', 'yoga', 'aside');
/** All others must give the same responses as this one. */
export const reference = { ...peer('Yoga without a cache', 'yoga', 'none'), kind: 'none' };

/** In display order. `kind` is `limit`, `ours`, `peer`, or `none`: without a cache. */
export const servers = [
  plain,
  { ...peer('node:http + one Redis GET', 'plain', 'redis'), kind: 'limit' },
  ours('cachepot (memory)', { CACHE_MEMORY_MB: '32', CACHE_REPORT: 'off' }),
  ours('cachepot (memory + report)', { CACHE_MEMORY_MB: '32', CACHE_REPORT: 'on' }),
  ours('cachepot (Redis)', { CACHE_MEMORY_MB: '0', CACHE_REPORT: 'off' }),
  ours('cachepot (Redis + report)', { CACHE_MEMORY_MB: '0', CACHE_REPORT: 'on' }),
  peer('mercurius JIT + cache (memory)', 'mercurius', 'memory'),
  peer('mercurius JIT + cache (Redis)', 'mercurius', 'redis'),
  peer('Apollo + response cache (Redis)', 'apollo', 'redis'),
  peer('Yoga + response cache (memory)', 'yoga', 'memory'),
  peer('Yoga + response cache (Redis)', 'yoga', 'redis'),
  aside,
  reference,
].map((server) => ({
  ...server,
  hasRedisOnly: server.name.includes('Redis'),
  needsPeers: server.kind === 'peer' && server !== aside,
}));
