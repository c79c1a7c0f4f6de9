import type { Operation } from './operation.ts';

/** An operation of the panel's own, with the headers that the user has entered. */
export function ownOperation(
  query: string,
  { variables, headers }: Partial<Pick<Operation, 'variables' | 'headers'>> = {},
): Operation {
  return { query, variables, headers, operationName: undefined };
}
