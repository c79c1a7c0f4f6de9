/**
 * One PostgreSQL with the shop's data and one Redis, which all servers share; each has its own database number in
 * Redis.
 */
import { startPostgres, startRedis } from '../../dist/src/embedded/index.js';
import { sqlFiles } from '../../dist/src/database/index.js';
import { freePort } from './processes.mjs';

/**
 * Enough for the pools of all servers: each has ten connections, and one more to check the server while they are busy.
 */
const connectionsMax = 250;

export async function startBackends() {
  const postgres = await startPostgres({
    sqlFiles: sqlFiles(),
    extraArgs: ['-c', `max_connections=${connectionsMax}`],
  });
  try {
    const redis = await startRedisAlone();
    return { ...redis, databaseUrl: postgres.url, stop: () => Promise.all([postgres.stop(), redis.stop()]) };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}

/** @throws {Error} if no Redis server is installed. */
export async function startRedisAlone() {
  const port = await freePort();
  const redis = await startRedis({
    // So that nothing is evicted: workload (g) stores thousands of values for each server, and the curves a million.
    extraArgs: ['--port', String(port), '--bind', '127.0.0.1', '--maxmemory', '2gb', '--databases', '64'],
  });
  if (redis === null) {
    throw new Error('There is no redis-server or valkey-server on the PATH (Debian: apt-get install redis-server).');
  }
  return {
    redisCommand: redis.command,
    redisUrl: (index) => `redis://127.0.0.1:${port}/${index}`,
    stop: () => redis.stop(),
  };
}
