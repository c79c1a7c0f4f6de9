/**
 * What is wrong with a store, in terms that its user can act on. The texts of Redis and ioredis are left out, because they may
 * quote keys and arguments.
 */
import { CacheError } from '../base/errors.ts';
import { codeOf } from './thrown.ts';

interface StoreFault {
  readonly kind: string;
  /** With the address if it is known, without the user and the password. */
  readonly text: string;
  readonly advice: string;
  /** Whether there is no connection. */
  readonly isConnection: boolean;
  /** Whether this only follows from a connection fault that was reported before. */
  readonly isConsequence: boolean;
}

interface Rule extends Omit<StoreFault, 'isConnection' | 'isConsequence'> {
  readonly pattern: RegExp;
  readonly isConnection?: boolean;
  readonly isConsequence?: boolean;
}

const unreachable = {
  kind: 'unreachable',
  text: 'Redis cannot be reached',
  advice: 'Check its address, and that it runs.',
  isConnection: true,
} as const;

const rules: readonly Rule[] = [
  {
    pattern: /\b(WRONGPASS|NOAUTH)\b|ERR AUTH|invalid (username-)?password|Client sent AUTH/,
    kind: 'password',
    text: 'Redis refuses the user name or the password',
    advice: 'Correct them in its address.',
    isConnection: true,
  },
  {
    pattern: /\bNOPERM\b/,
    kind: 'permission',
    text: 'Redis forbids its user a command or a key',
    advice: 'Allow what the documentation lists (docs/options.md, createRedisStore).',
  },
  {
    pattern: /\bREADONLY\b/,
    kind: 'read-only',
    text: 'Redis rejects writes: it is a read-only replica',
    advice: 'Give the address of the primary.',
  },
  {
    pattern: /\bOOM\b/,
    kind: 'full',
    text: 'Redis rejects writes: its memory is full',
    advice: 'Raise maxmemory, or set maxmemory-policy allkeys-lru.',
  },
  {
    pattern: /\bMISCONF\b/,
    kind: 'unsaved',
    text: 'Redis rejects writes: it cannot save to its disk',
    advice: "Look at Redis' log; a cache needs no persistence.",
  },
  {
    pattern: /\b(MOVED|ASK|CROSSSLOT|CLUSTERDOWN)\b/,
    kind: 'cluster',
    text: 'Redis is a Cluster, which is not supported',
    advice: 'Give the address of a single server.',
  },
  {
    pattern: /\b(LOADING|MASTERDOWN|BUSY|TRYAGAIN)\b/,
    kind: 'busy',
    text: 'Redis is not ready yet',
    advice: 'If this lasts, look at its log.',
  },
  {
    pattern: /\bDENIED\b/,
    kind: 'protected',
    text: 'Redis is in protected mode and lets only its own machine in',
    advice: 'Set a password in its configuration.',
    isConnection: true,
  },
  {
    pattern: /max number of clients/,
    kind: 'clients',
    text: 'Redis has reached its limit of clients',
    advice: 'Raise maxclients, or look for clients that should have ended.',
    isConnection: true,
  },
  {
    pattern: /Unknown RESP type|Protocol error/,
    kind: 'protocol',
    text: 'the server at this address is not Redis',
    advice: 'Check the port in its address.',
    isConnection: true,
  },
  {
    pattern: /DB index|SELECT is not allowed/,
    kind: 'database',
    text: 'Redis does not have the database that the address names',
    advice: 'Correct the number at the end of the address.',
    isConnection: true,
  },
  {
    pattern: /\b(CERT_|ERR_TLS|ERR_SSL|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_)|certificate|wrong version number/,
    kind: 'tls',
    text: 'the TLS connection to Redis failed',
    advice: 'Check rediss:// in the address, and the certificates.',
    isConnection: true,
  },
  {
    pattern: /\b(EACCES|EAI_AGAIN|ECONN\w+|EHOST\w+|ENET\w+|ENOENT|ENOTFOUND|EPIPE|ETIMEDOUT)\b/,
    ...unreachable,
  },
  {
    pattern:
      /Connection is (closed|aborted)|aborted due to connection close|max retries per request|Stream isn't writeable|Socket timeout|no connection to Redis|Redis cannot be reached/,
    ...unreachable,
    isConsequence: true,
  },
  {
    pattern: /Redis has closed the connection/,
    kind: 'closed',
    text: 'Redis has closed the connection',
    advice: 'If this recurs, look at its log, and at its setting timeout.',
    isConnection: true,
  },
  {
    pattern: /no (answer|reply) within|timed out/,
    kind: 'slow',
    text: 'the store did not answer in time',
    advice: 'If this lasts, look at the load of Redis, of the network and of this process, or raise deadlineMs.',
  },
];

export function storeFaultOf(error: unknown): StoreFault {
  const errors = causesOf(error);
  const texts = errors.map(textOf);
  const rule = rules.find(({ pattern }) => texts.some((text) => pattern.test(text)));
  if (rule === undefined) {
    const code = errors.map(codeOf).find((one) => one !== undefined);
    const text = `the store failed${code === undefined ? '' : ` (${code})`}`;
    const advice = 'Listen to the event store-failed for the error itself.';
    return { kind: 'other', text, advice, isConnection: false, isConsequence: false };
  }
  const { kind, advice, isConnection = false, isConsequence = false } = rule;
  const where = isConnection ? whereOf(errors) : '';
  return { kind, text: rule.text + where, advice, isConnection, isConsequence };
}

/** An error, the errors that it aggregates, and their causes. */
function causesOf(error: unknown, depth = 0): unknown[] {
  if (typeof error !== 'object' || error === null || depth > 5) return [];
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  const others = [cause, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  return [error, ...others.flatMap((one) => causesOf(one, depth + 1))];
}

function textOf(error: unknown): string {
  return `${codeOf(error) ?? ''} ${error instanceof Error ? error.message : ''}`;
}

/** The address that could not be reached, as the system reports it: a host and a port, or a path. */
function whereOf(errors: readonly unknown[]): string {
  for (const error of errors) {
    if (error instanceof CacheError) continue; // its code is not that of the address
    const { address, hostname, port } = error as { address?: unknown; hostname?: unknown; port?: unknown };
    const host = [address, hostname].find((one) => typeof one === 'string');
    const code = codeOf(error);
    if (host !== undefined) return ` (${code ?? 'no connection'} ${host}${typeof port === 'number' ? `:${port}` : ''})`;
    if (code !== undefined) return ` (${code})`;
  }
  return '';
}
