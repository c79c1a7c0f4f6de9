import { CacheError, optionsFault } from '../../cache/index.ts';
import type { Cache, CacheLog, Clock, OptionRules } from '../../cache/index.ts';
import type { TouchedTables } from '../touched-tables.ts';

/** Options of `changeFeed`. */
export interface ChangeFeedOptions {
  /** node-postgres' pool of the database. The feed makes two connections of its own with the pool's options. */
  readonly pool: { readonly options: object };
  /** The cache whose values are loaded from this database. */
  readonly cache: Cache;
  /** From `touchedTables`, for the same database. */
  readonly tables: TouchedTables;
  /**
   * Whether this process reads a slot that ends with it, instead of sharing one: for a database that ends with the program. Default:
   * false with Redis, true with the memory store, which belongs to the process.
   */
  readonly ownSlot?: boolean;
  /** The publication that contains the tables. Default: `cachepot`. */
  readonly publication?: string;
  /** Options of node-postgres' Client, if the feed must connect elsewhere: a pooler such as PgBouncer cannot stream changes. */
  readonly connection?: object;
  /** A logger with pino's interface, or false for none. Default: `console.warn`. */
  readonly log?: CacheLog | false;
  readonly clock?: Clock;
  /** Returns 0…1. Default: `Math.random`. */
  readonly random?: () => number;
}

export const publicationRule = 'a name of 1 to 63 of a-z, 0-9 and _';

export function isPublicationName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(value);
}

const rules: OptionRules = {
  pool: {
    must: "node-postgres' pool",
    isRight: hasMember('options'),
    isRequired: true,
  },
  cache: { must: 'a cache, which createCache() returns', isRight: hasMember('invalidate'), isRequired: true },
  tables: { must: 'what touchedTables() returns', isRight: hasMember('lineageOf'), isRequired: true },
  ownSlot: { must: 'true or false', isRight: (value) => typeof value === 'boolean' },
  publication: {
    must: publicationRule,
    isRight: isPublicationName,
  },
  connection: { must: "options of node-postgres' Client", isRight: isObject },
  log: {
    must: 'a logger with warn(fields, message), or false',
    isRight: (value) => value === false || isObject(value),
  },
  clock: { must: 'a clock', isRight: isObject },
  random: { must: 'a function that returns a number from 0 to 1', isRight: (value) => typeof value === 'function' },
};

/** @throws {CacheError} `INVALID_OPTIONS` */
export function checkFeedOptions(options: ChangeFeedOptions): void {
  const fault = addressFault(options) ?? optionsFault(options, rules);
  if (fault !== undefined) throw new CacheError('INVALID_OPTIONS', `changeFeed: ${fault}`);
}

/** An address may contain a password, so it is not repeated. */
function addressFault({ pool, connection }: Partial<Record<'pool' | 'connection', unknown>>): string | undefined {
  if (typeof pool === 'string') return 'pool must not be a text: pass new Pool({ connectionString })';
  if (typeof connection === 'string') return 'connection must not be a text: pass { connectionString }';
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function hasMember(name: string): (value: unknown) => boolean {
  return (value) => typeof value === 'object' && value !== null && name in value;
}
