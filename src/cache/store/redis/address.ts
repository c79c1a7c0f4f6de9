/**
 * Parses the address of a Redis strictly. An ambiguous address is rejected, because the wrong database would be used: ioredis'
 * own parser takes `redis:///path` as 127.0.0.1, `/abc` as a database, and every parameter of the query as one of its options.
 *
 * Source: https://www.iana.org/assignments/uri-schemes/prov/redis
 */
import { CacheError } from '../../base/errors.ts';

/** The options of ioredis that an address can express. */
interface RedisAddress {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: object;
  readonly family?: number;
  readonly db: number;
}

const expected = 'redis://host, rediss://host with :port and /database, or the path of a Unix socket';
const databaseRule = 'a database is a whole number from 0';
const unencoded = 'is the password percent-encoded?';

/**
 * Describes what is wrong with the address of a Redis, to follow `must be …, got `, without its password; undefined for a valid
 * one.
 *
 * @param address `redis://[user[:password]@]host[:port][/database]`, the same with `rediss://` for TLS, or the path of a Unix
 *   socket, which begins with `/`. `?db=` may name the database, and `?family=` the IP version: 0, 4 or 6.
 */
export function redisAddressFault(address: unknown): string | undefined {
  const read = readAddress(address);
  return 'fault' in read ? read.fault : undefined;
}

/** @throws {CacheError} `INVALID_OPTIONS`, see `redisAddressFault`. */
export function parseRedisAddress(address: unknown): RedisAddress {
  const read = readAddress(address);
  if (!('fault' in read)) return read;
  throw new CacheError('INVALID_OPTIONS', `createRedisStore: address must be ${expected}, got ${read.fault}`);
}

type Read = RedisAddress | { readonly fault: string };

function readAddress(address: unknown): Read {
  if (typeof address !== 'string') return fault(address === null ? 'null' : typeof address);
  // `new URL` removes these silently.
  if (/^\s|\s$|\p{Cc}/u.test(address)) return fault('a text with white space at its ends or control characters');
  if (address.startsWith('/') && !address.startsWith('//')) return readSocketPath(address);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined) return fault(`${address.length} characters without "redis://" in front`);
  if (scheme !== 'redis' && scheme !== 'rediss') return fault(`a URL that begins with "${scheme}://"`);
  return URL.canParse(address) ? readUrl(new URL(address)) : fault(`a URL that cannot be read (${unencoded})`);
}

function readSocketPath(address: string): Read {
  const [path = '', query, ...more] = address.split('?');
  if (more.length > 0) return fault('a path with two question marks');
  const parameters = readQuery(new URLSearchParams(query));
  return 'fault' in parameters ? parameters : { path, ...parameters, db: parameters.db ?? 0 };
}

function readUrl(url: URL): Read {
  const { hostname, port, pathname, search, hash, searchParams } = url;
  // An unencoded password ends the host at its first `/`, `?` or `#`; the rest of the password follows it.
  if ((pathname + search + hash).includes('@')) return fault(`a URL with "@" behind its host (${unencoded})`);
  if (hash !== '') return fault(`a URL with "#" (${unencoded})`);
  if (hostname === '') return fault('a URL without a host');
  if (hostname.includes('%')) return fault('a URL whose host has characters that no host name has');
  if (port === '0') return fault('a URL with port 0');
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined) return fault(`a URL with a malformed escape (${unencoded})`);
  const parameters = readQuery(searchParams);
  if ('fault' in parameters) return parameters;
  const ofPath = /^\/?$/.test(pathname) ? undefined : databaseIn(pathname.slice(1));
  if (Number.isNaN(ofPath)) return fault(`the path "${pathname.slice(0, 40)}": ${databaseRule}`);
  const { db = ofPath ?? 0, ...rest } = parameters;
  if (ofPath !== undefined && db !== ofPath) return fault(`two databases, ${ofPath} and ${db}`);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6_379 : Number(port),
    ...(username === '' ? {} : { username }),
    ...(username === '' && password === '' ? {} : { password }),
    ...(url.protocol === 'rediss:' ? { tls: {} } : {}),
    ...rest,
    db,
  };
}

/** Only what is needed to reach the server. All other options of ioredis belong to the store. */
function readQuery(parameters: URLSearchParams): { db?: number; family?: number } | { readonly fault: string } {
  const read: { db?: number; family?: number } = {};
  for (const [name, value] of parameters) {
    if (name !== 'db' && name !== 'family') {
      return fault(`the parameter "${name.slice(0, 40)}": only "db" and "family" are known`);
    }
    if (read[name] !== undefined) return fault(`the parameter "${name}" twice`);
    const number = name === 'db' ? databaseIn(value) : /^[046]$/.test(value) ? Number(value) : NaN;
    if (Number.isNaN(number)) {
      return fault(`"${name}=${value.slice(0, 40)}": ${name === 'db' ? databaseRule : 'a family is 0, 4 or 6'}`);
    }
    read[name] = number;
  }
  return read;
}

/** NaN for anything but the plain digits of a number. */
export function databaseIn(text: string): number {
  return /^(0|[1-9]\d{0,8})$/.test(text) ? Number(text) : NaN;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function fault(got: string): { readonly fault: string } {
  return { fault: got };
}
