import { getOperationAST, Kind, type ExecutionArgs } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { cacheReportOf } from '../../graphql-cache/index.ts';
import { noteOutcome, type RequestOutcome } from '../transport/request-log.ts';
import type { ServerContext } from './server-context.ts';

const operationCharsMax = 80;

/** Reports to the log what was executed, and with which errors. It comes after the plugin that gives errors their codes. */
export function useRequestOutcome(): Plugin {
  return {
    onSubscribe({ args }) {
      const { req } = args.contextValue as unknown as Partial<ServerContext>;
      if (req !== undefined) noteOutcome(req, { operation: operationOf(args) });
    },
    onExecute: ({ args }) => ({
      onExecuteDone() {
        const { req } = args.contextValue as Partial<ServerContext>;
        if (req !== undefined) noteOutcome(req, outcomeOf(args));
      },
    }),
    onResultProcess({ result, serverContext }) {
      const { req } = serverContext as Partial<ServerContext>;
      if (req === undefined || isAsyncIterable(result)) return;
      const results = Array.isArray(result) ? result : [result];
      const codes = results.flatMap(({ errors = [] }) => errors.map((error) => String(error.extensions['code'])));
      if (codes.length > 0) noteOutcome(req, { errors: [...new Set(codes)] });
    },
  };
}

/** An executed operation, for the log. */
function outcomeOf(args: ExecutionArgs): RequestOutcome {
  const rows = cacheReportOf(args.contextValue as object)?.fields ?? [];
  const loaded = rows.filter(({ source, state }) => source === 'database' && state !== 'bypass');
  const hits = rows.filter(({ source }) => source === 'cache').length;
  return { operation: operationOf(args), hits, misses: loaded.length };
}

/**
 * The operation's name, or its root fields, for the log. Names in a valid document are those of the schema, or what a client calls its
 * operation: letters, digits and `_`.
 */
export function operationOf({ document, operationName }: ExecutionArgs): string | undefined {
  const operation = getOperationAST(document, operationName);
  const selections = operation?.selectionSet.selections ?? [];
  const fields = selections.flatMap((one) => (one.kind === Kind.FIELD ? one.name.value : []));
  return (operation?.name?.value ?? [...new Set(fields)].join(', ')).slice(0, operationCharsMax) || undefined;
}
