import { pino, type Logger, type LoggerOptions } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Config } from '../config.ts';
import { requestFields } from './request-scope.ts';

export type Log = Logger;

/** Each line has the id of the request that it is about, and no variables, bodies or query strings. */
export const logOptions: LoggerOptions = { base: null, mixin: requestFields, serializers: { err: safeError } };

/** Readable lines for a terminal, JSON for everything else: files, pipes and containers. */
export function createLog({ logLevel }: Pick<Config, 'logLevel'>): Log {
  const options = { ...logOptions, level: logLevel };
  // Asynchronously: a request must not wait until its line is written.
  if (!process.stdout.isTTY) return pino(options, pino.destination({ dest: 1, sync: false }));
  return pino(options, PinoPretty({ translateTime: 'HH:MM:ss', ignore: 'pid,hostname', singleLine: true, sync: true }));
}

interface SafeError {
  readonly type: string;
  readonly code?: string;
  readonly message: string;
  readonly stack: string;
  readonly cause?: SafeError;
}

/**
 * An error without the properties that libraries add: PostgreSQL's `detail` and `where` quote rows, and its messages about
 * invalid data (SQLSTATE class 22) quote what a client sent.
 */
export function safeError(error: unknown): SafeError {
  if (!(error instanceof Error))
    return { type: typeof error, message: 'something other than an error was thrown', stack: '' };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const isAboutData = 'severity' in error && code?.startsWith('22') === true;
  const message = isAboutData ? error.message.replaceAll(/"[^"]*"/g, '"…"') : error.message;
  return {
    type: error.constructor.name,
    ...(code === undefined ? {} : { code }),
    message,
    stack: error.stack?.replace(error.message, () => message) ?? '',
    ...(error.cause === undefined ? {} : { cause: safeError(error.cause) }),
  };
}
