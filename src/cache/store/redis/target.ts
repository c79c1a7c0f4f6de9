/**
 * The Redis that a store connects to: an address, or what the caller's own ioredis client connects with. That client is neither
 * used nor closed. A store needs connections of its own: one of them only subscribes, and none may queue or repeat commands,
 * which the caller's client may.
 */
import { received } from '../../base/check-options.ts';
import { CacheError } from '../../base/errors.ts';
import { databaseIn, parseRedisAddress } from './address.ts';

/** An ioredis client, of any version with these members. */
export interface RedisClient {
  readonly status: string;
  readonly isCluster: boolean;
  readonly options: object;
}

/**
 * The options of an ioredis client, of version 5 or 6: https://redis.github.io/ioredis/. Declared here because a program that uses
 * another store need not install ioredis. Options that are not typed here are passed on as they are.
 */
export interface RedisClientOptions extends Partial<Record<Reaching | Sending, unknown>> {
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  /** The path of a Unix socket. */
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The number of the database. Default: 0. */
  readonly db?: number | undefined;
  readonly tls?: object | undefined;
  readonly keyPrefix?: string | undefined;
}

/** A server and a database on it: either `address` or `client`. */
export type RedisTarget =
  | { readonly address: string; readonly client?: undefined }
  | { readonly client: RedisClient | RedisClientOptions; readonly address?: undefined };

/** What a connection needs to reach the server; read again for each, because passwords are rotated. */
export type ReachOptions = () => RedisClientOptions;

type Reaching = (typeof reaching)[number];
type Sending = (typeof sending)[number];

/** How to reach the server. */
const reaching = [
  ...['host', 'port', 'path', 'family', 'tls', 'username', 'password', 'connectionName', 'keepAlive', 'noDelay'],
  ...['sentinels', 'name', 'role', 'sentinelUsername', 'sentinelPassword', 'sentinelTLS', 'enableTLSForSentinelMode'],
  ...['sentinelRetryStrategy', 'sentinelReconnectStrategy', 'sentinelCommandTimeout', 'sentinelMaxConnections'],
  ...['updateSentinels', 'failoverDetector', 'preferredSlaves', 'natMap', 'Connector', 'disableClientInfo'],
  'clientInfoTag',
] as const;
/** How commands are sent. The store has its own settings for these options. */
const sending = [
  ...['connectTimeout', 'disconnectTimeout', 'commandTimeout', 'blockingTimeout', 'blockingTimeoutGrace'],
  ...['socketTimeout', 'retryStrategy', 'reconnectOnError', 'maxRetriesPerRequest', 'maxLoadingRetryTime'],
  ...['enableOfflineQueue', 'offlineQueue', 'commandQueue', 'enableReadyCheck', 'lazyConnect', 'autoResubscribe'],
  ...['autoResendUnfulfilledCommands', 'enableAutoPipelining', 'autoPipeliningIgnoredCommands', 'readOnly', 'monitor'],
  ...['protocol', 'replyMapping', 'stringNumbers', 'scripts', 'himportFieldsets', 'showFriendlyErrorStack'],
] as const;
const known: readonly string[] = [...reaching, ...sending, 'db', 'keyPrefix'];

/** @throws {CacheError} `INVALID_OPTIONS` for a target that is missing, malformed, or that a store cannot work with. */
export function reachOptionsOf({ address, client }: { address?: unknown; client?: unknown }): ReachOptions {
  if ((address === undefined) === (client === undefined)) {
    throw invalid(`expected either "address" or "client", got ${address === undefined ? 'neither' : 'both'}`);
  }
  if (client === undefined) {
    const options = parseRedisAddress(address);
    return () => options;
  }
  const options = optionsOf(client);
  const db = databaseOf(options);
  return () => ({
    ...Object.fromEntries(Object.entries(options).filter(([name]) => (reaching as readonly string[]).includes(name))),
    db,
  });
}

function optionsOf(client: unknown): object {
  if (!isObject(client)) throw invalid(`client must be an ioredis client or its options, got ${typeof client}`);
  if ('isCluster' in client && client.isCluster === true) {
    throw invalid('client must be of a single server or of Sentinels, got a Cluster, which is not supported');
  }
  if (!('options' in client) && typeof client !== 'function' && !('connect' in client)) return plainOptions(client);
  const isIoredis = 'status' in client && typeof client.status === 'string' && 'options' in client;
  if (isIoredis && isObject(client.options)) return client.options;
  throw invalid('client must be an ioredis client or its options, got a client of another library');
}

function plainOptions(options: object): object {
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(`client.${unknown} is not an option of ioredis`);
  if (['host', 'path', 'sentinels', 'Connector'].some((name) => Reflect.get(options, name))) return options;
  throw invalid('client must name a server by host, path or sentinels, got options with none of them');
}

/** Returns the database, after checking that a store can work with the options. */
function databaseOf(options: object): number {
  const { keyPrefix, role, db } = { keyPrefix: '', role: 'master', db: 0, ...options } as Record<string, unknown>;
  if (keyPrefix) throw invalid('client.keyPrefix must be empty, because the namespace already begins every key');
  if (role !== 'master') throw invalid(`client.role must be "master", because a store writes, got ${received(role)}`);
  const number = typeof db === 'number' || typeof db === 'string' ? databaseIn(String(db)) : db == null ? 0 : NaN;
  if (Number.isNaN(number)) throw invalid(`client.db must be a whole number from 0, got ${received(db)}`);
  return number;
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function invalid(what: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `createRedisStore: ${what}`);
}
