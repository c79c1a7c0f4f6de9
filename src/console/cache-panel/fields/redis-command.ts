/** The command that shows an entry in Redis. */

/** @param redisCli How to reach the server's Redis, such as `redis-cli -s /tmp/redis.sock`. Default: the Redis of the machine. */
export function redisGetCommand(key: string, redisCli = 'redis-cli'): string {
  return `${redisCli} GET ${shellQuoted(key)}`;
}

/** One word for a POSIX shell, whatever it contains. */
export function shellQuoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
