/** Errors as clients see them: a documented code, a sentence, and nothing internal. */
import { GraphQLError, type GraphQLErrorExtensions } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { isDatabaseUnavailable } from '../../database/index.ts';
import { databaseReason } from '../database-reason.ts';
import type { Log } from '../log.ts';

const minuteMs = 60_000;
/** The number of reasons that are logged per minute. */
const reasonsMax = 10;

/**
 * Replaces what a resolver threw: errors made for the client pass; everything else becomes `DATABASE_UNAVAILABLE` or
 * `INTERNAL_SERVER_ERROR`, and is logged.
 */
export function errorMask(log: Log): (error: unknown, message: string) => Error {
  const warn = databaseWarning(log);
  return (error, message) => {
    const origin = originOf(error);
    if (origin instanceof GraphQLError)
      return origin === error ? origin : located(error, origin.message, origin.extensions);
    if (isDatabaseUnavailable(origin)) {
      warn(databaseReason(origin));
      return located(error, 'The database cannot be reached.', { code: 'DATABASE_UNAVAILABLE' });
    }
    log.error({ err: origin }, 'a resolver failed');
    return located(error, message, { code: 'INTERNAL_SERVER_ERROR' });
  };
}

/** Each reason is logged once a minute: every request's own line has `DATABASE_UNAVAILABLE` anyway. */
function databaseWarning(log: Log): (reason: string) => void {
  const told = new Set<string>();
  let sinceMs = Number.NEGATIVE_INFINITY;
  return (reason) => {
    const nowMs = performance.now();
    if (nowMs - sinceMs >= minuteMs) {
      sinceMs = nowMs;
      told.clear();
    }
    const isNew = !told.has(reason) && told.size < reasonsMax;
    if (isNew) told.add(reason);
    log[isNew ? 'warn' : 'debug']({ reason }, 'the database cannot be reached');
  };
}

/** What was thrown, without the errors that GraphQL wrapped around it to add its location. */
function originOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originOf(error.originalError) : error;
}

function located(error: unknown, message: string, extensions: GraphQLErrorExtensions): GraphQLError {
  if (!(error instanceof GraphQLError)) return new GraphQLError(message, { extensions });
  const { nodes = null, source = null, positions = null, path = null } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

/** Yoga's own codes for which another one is documented. */
const codesReplaced = new Set<unknown>(['BAD_REQUEST', 'OPERATION_RESOLUTION_FAILURE', undefined]);

/** Gives each error without a documented code `BAD_USER_INPUT`: such errors are about the request. */
export function useErrorCodes(): Plugin {
  return {
    onResultProcess({ result }) {
      for (const one of Array.isArray(result) ? result : [result]) {
        if (!('errors' in one)) continue;
        for (const error of one.errors ?? []) {
          if (codesReplaced.has(error.extensions['code'])) error.extensions['code'] = 'BAD_USER_INPUT';
        }
      }
    },
  };
}
