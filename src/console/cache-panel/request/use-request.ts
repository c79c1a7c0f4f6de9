/** What a section sends: the operation in the editor, for both sides, through GraphiQL's fetcher. */
import { pick, useGraphiQL } from '@graphiql/react';
import type { Fetcher } from '@graphiql/toolkit';
import type { GraphQLSchema } from 'graphql';
import { sidesOf, type Sides } from './bypass.ts';
import { operationIn } from './operation.ts';

export interface ComparisonRequest {
  readonly fetcher: Fetcher;
  readonly schema: GraphQLSchema | null | undefined;
  readonly sides: Sides;
}

/** @returns a function that reads the editors when it is called, and throws an error with a message for the user. */
export function useRequest(): () => ComparisonRequest {
  const { overrideOperationName, operationName, schema, fetcher, ...editors } = useGraphiQL(
    pick(
      'queryEditor',
      'variableEditor',
      'headerEditor',
      'operationName',
      'overrideOperationName',
      'schema',
      'fetcher',
    ),
  );
  return () => {
    const operation = operationIn({ ...editors, operationName: overrideOperationName ?? operationName });
    return { fetcher, schema, sides: sidesOf(operation, schema) };
  };
}
