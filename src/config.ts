import { z } from 'zod';
import { canParse, databaseUrl, onOrOff, origins, protocolOf, redisUrl, share, wholeNumber } from './config-values.ts';

/** The settings from the environment, checked, with defaults for those that are unset. */
export interface Config {
  /** 0…65535; 0 is any free port. */
  readonly port: number;
  readonly host: string;
  /** How long an idle connection is kept open: 1_000…86_400_000. */
  readonly keepAliveMs: number;
  /** Origins whose pages may read responses; `*` alone: all. */
  readonly corsOrigins: readonly string[];
  /** undefined: an embedded PostgreSQL. */
  readonly databaseUrl: string | undefined;
  /** undefined: a private Redis if the machine has one, otherwise the memory store. */
  readonly redisUrl: string | undefined;
  /** First part of every key. */
  readonly cacheNamespace: string;
  /** How long the values of the shop's queries are fresh: 1_000…86_400_000. */
  readonly cacheTtlMs: number;
  /** Size of the memory tier, or of the memory store without Redis: 0…4_294_967_296 bytes; 0: none. */
  readonly cacheMemoryBytesMax: number;
  /** Whether changes that other programs make in the database are noticed; `required`: do not start without. */
  readonly changeFeed: 'auto' | 'off' | 'required';
  /** Whether `schema/warm.graphql` is run before this process is ready, and again when Redis is back. */
  readonly warmsUp: boolean;
  /** How many loads run at once, at most: 1…1_000; undefined: any number. */
  readonly loadsAtOnceMax: number | undefined;
  /** The share of hits that are also loaded and compared: 0…1. */
  readonly shadow: number;
  /** How the tags of responses to GETs are sent to a CDN: with `secret` as digests. Undefined: not at all. */
  readonly cdnTags: { readonly secret?: string } | undefined;
  /** Whether responses contain `extensions.cache`. */
  readonly hasReport: boolean;
  /** Whether people may try things: GraphiQL, introspection, `@cache`, mutations without a token. */
  readonly hasConsole: boolean;
  /** What mutations need. Undefined: nothing with the console, and without it there are no mutations. */
  readonly adminToken: string | undefined;
  /** Whether the database path of the three queries is slowed down, as by a network. */
  readonly simulatesLatency: boolean;
  readonly logLevel: LogLevel;
}

type LogLevel = (typeof logLevels)[number];

/** The environment is invalid. The message has a line for each variable, and contains no URL. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
}

type Environment = Readonly<Record<string, string | undefined>>;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/**
 * A load balancer reuses its connections until its own timeout, and a request that crosses with a server's close is lost, so
 * the server must be the one that waits longer: AWS closes after 60 s, nginx after 60 to 75 s, Azure after 240 s, Google Cloud
 * after 600 s (and recommends these 620). https://cloud.google.com/load-balancing/docs/https#timeouts_and_retries
 */
const keepAliveSeconds = 620;

const settings = z.object({
  PORT: wholeNumber(0, 65_535).default(8_000).describe('the port of the HTTP server; 0 takes any free one'),
  HOST: z
    .string()
    .regex(/^[^\s/]+$/, 'a host name or an IP address')
    .default('127.0.0.1')
    .describe('the address to listen on; 0.0.0.0 for all'),
  KEEP_ALIVE_TIMEOUT: wholeNumber(1, 86_400, ' (seconds)')
    .default(keepAliveSeconds)
    .describe('how long an idle connection stays open, in seconds; longer than load balancers keep theirs'),
  CORS_ORIGINS: origins()
    .default([])
    .describe('the origins whose pages may read responses, separated by commas; * for all'),
  DATABASE_URL: databaseUrl()
    .optional()
    .describe('PostgreSQL 15 or newer; if unset, an embedded PostgreSQL is started'),
  REDIS_URL: redisUrl()
    .optional()
    .describe('Redis or Valkey; if unset, a private server is started, or values are kept in memory'),
  CACHE_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9_-]{1,32}$/, '1 to 32 of a-z, 0-9, _ and -')
    .default('shop')
    .describe('the first part of every key'),
  CACHE_TTL: wholeNumber(1, 86_400, ' (seconds)')
    .default(60)
    .describe('how long the three queries of the shop stay fresh, in seconds'),
  CACHE_MEMORY_MB: wholeNumber(0, 4_096, ' (MiB)').default(32).describe('the size of the memory tier; 0 turns it off'),
  CHANGE_FEED: z
    .enum(['auto', 'off', 'required'], 'auto, off or required')
    .default('auto')
    .describe('invalidates what other programs change in the database; required: does not start without'),
  WARM_UP: z
    .enum(['auto', 'on', 'off'], 'auto, on or off')
    .default('auto')
    .describe('runs schema/warm.graphql before the server is ready; auto: with CONSOLE=off'),
  LOADS_AT_ONCE: wholeNumber(1, 1_000)
    .optional()
    .describe('how many loads run at once in this process; if unset, any number'),
  SHADOW: share()
    .default(0)
    .describe('the share of hits that are also loaded in the background and compared, such as 0.01'),
  CDN_TAGS: z
    .enum(['off', 'on', 'hashed'], 'off, on or hashed')
    .default('off')
    .describe('whether responses to GETs have Cache-Tag and Surrogate-Key; on reveals the names of tables'),
  CDN_TAGS_SECRET: z
    .string()
    .regex(/^[\x21-\x7e]{16,512}$/, '16 to 512 visible ASCII characters')
    .optional()
    .describe('the key of the digests that CDN_TAGS=hashed sends; the same in every process'),
  CACHE_REPORT: onOrOff().describe('whether responses contain extensions.cache'),
  CONSOLE: onOrOff().describe('GraphiQL, introspection, @cache, and mutations without a token'),
  ADMIN_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, '1 to 512 visible ASCII characters')
    .optional()
    .describe('the bearer token that mutations require'),
  SIMULATED_LATENCY: onOrOff().describe('adds 250 to 350 ms to the database path of the three queries'),
  LOG_LEVEL: z
    .enum(logLevels, `one of ${logLevels.join(', ')}`)
    .default('info')
    .describe('the lowest level that is logged'),
});

/** A variable that does not fit another one, found in what is given, so that it is reported together with other mistakes. */
function misfits({ CDN_TAGS, CDN_TAGS_SECRET }: Environment): string[] {
  if (CDN_TAGS === 'hashed' && !CDN_TAGS_SECRET)
    return ['CDN_TAGS_SECRET must be set for CDN_TAGS=hashed, got nothing'];
  if (CDN_TAGS !== 'on' || !CDN_TAGS_SECRET) return [];
  return ['CDN_TAGS must be hashed (or off) where CDN_TAGS_SECRET is set, got "on", which reveals the names'];
}

/**
 * Reads the variables of the table in docs/shop.md; an empty one counts as unset, others are ignored.
 *
 * @throws {ConfigError} with one line per wrong variable: its name, what it must be, what it got.
 */
export function readConfig(env: Environment): Config {
  const given = Object.keys(settings.shape).flatMap((name) => (env[name] ? [[name, env[name]] as const] : []));
  const { data, error } = settings.safeParse(Object.fromEntries(given));
  const faults = [...(error?.issues ?? []).map((issue) => complaint(issue, env)), ...misfits(env)];
  if (data === undefined || faults.length > 0) throw new ConfigError(faults.join('\n'));
  return Object.freeze({
    port: data.PORT,
    host: data.HOST,
    keepAliveMs: data.KEEP_ALIVE_TIMEOUT * 1_000,
    corsOrigins: data.CORS_ORIGINS,
    databaseUrl: data.DATABASE_URL,
    redisUrl: data.REDIS_URL,
    cacheNamespace: data.CACHE_NAMESPACE,
    cacheTtlMs: data.CACHE_TTL * 1_000,
    cacheMemoryBytesMax: data.CACHE_MEMORY_MB * 1024 * 1024,
    changeFeed: data.CHANGE_FEED,
    warmsUp: data.WARM_UP === 'auto' ? !data.CONSOLE : data.WARM_UP === 'on',
    loadsAtOnceMax: data.LOADS_AT_ONCE,
    shadow: data.SHADOW,
    cdnTags: cdnTagsOf(data),
    hasReport: data.CACHE_REPORT,
    hasConsole: data.CONSOLE,
    adminToken: data.ADMIN_TOKEN,
    simulatesLatency: data.SIMULATED_LATENCY,
    logLevel: data.LOG_LEVEL,
  });
}

function cdnTagsOf({ CDN_TAGS, CDN_TAGS_SECRET }: z.output<typeof settings>): Config['cdnTags'] {
  if (CDN_TAGS === 'off') return undefined;
  return CDN_TAGS_SECRET === undefined ? {} : { secret: CDN_TAGS_SECRET };
}

/** A line for each variable: its name, its default, and its meaning. */
export function environmentHelp(): string {
  const rows = Object.entries(settings.shape).map(([name, variable]) => {
    const { data: given } = variable.safeParse(undefined);
    const byDefault = typeof given === 'boolean' ? (given ? 'on' : 'off') : String(given ?? '') || 'unset';
    return `  ${name.padEnd(19)}${byDefault.padEnd(11)}${variable.description ?? ''}`;
  });
  return rows.join('\n');
}

function complaint(issue: z.core.$ZodIssue, env: Environment): string {
  const name = String(issue.path[0]);
  const { got, sentence } = (issue.code === 'custom' ? issue.params : undefined) ?? {};
  if (typeof sentence === 'string') return sentence;
  return `${name} must be ${issue.message}, got ${typeof got === 'string' ? got : shown(name, env[name] ?? '')}`;
}

/** The value, unless it may contain a password. */
function shown(name: string, text: string): string {
  if (/_(TOKEN|SECRET)$/.test(name)) {
    const isVisible = /^[\x21-\x7e]*$/.test(text);
    return `${text.length} characters${isVisible ? '' : ', not all of them visible ASCII'}`;
  }
  if (!name.endsWith('_URL')) return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  const protocol = protocolOf(text);
  if (protocol === undefined) return `${text.length} characters that are no URL`;
  if (canParse(text)) return `a URL with protocol "${protocol}"`;
  return `a URL with protocol "${protocol}" that cannot be read (is the password percent-encoded?)`;
}
