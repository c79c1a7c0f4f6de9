/** PostgreSQL and Redis for a machine that has neither: private, temporary, and ended with this process. */
export { EmbeddedError, type EmbeddedErrorCode } from './errors.ts';
export { type Folder, makeFolder } from './folder.ts';
export { type EmbeddedPostgres, type PostgresOptions, startPostgres } from './postgres.ts';
export { type EmbeddedRedis, findRedisServer, type RedisOptions, startRedis } from './redis.ts';
export { type RestartableRedis, startRestartableRedis } from './restartable-redis.ts';
