/** Turns GraphQL operations into tasks for `Cache.warm`. */
import {
  execute,
  Kind,
  OperationTypeNode,
  parse,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { CacheError } from '../cache/index.ts';

/** What operations are executed with. */
export interface OperationTasksOptions {
  readonly schema: GraphQLSchema;
  /** A GraphQL document with one query, or with several named ones. Variables need defaults. */
  readonly document: string;
  /** Returns the context of one operation, or a promise of it, as a request without a viewer would have it. */
  readonly context: () => unknown;
}

/** Executes one operation. */
export interface OperationTask {
  /** The name of the operation; undefined if it has none. */
  readonly operation: string | undefined;
  (): Promise<void>;
}

/**
 * Returns a task for each query of a document. A task rejects with the first error of its result. What its private fields load is not
 * cached, because they have no viewer.
 *
 * @throws {CacheError} `INVALID_OPTIONS` if the document cannot be parsed, does not fit the schema, or has another operation than a query.
 */
export function operationTasks({ schema, document: text, context }: OperationTasksOptions): OperationTask[] {
  const document = parsed(text);
  const errors = validate(schema, document);
  if (errors[0] !== undefined) throw invalid(errors[0].message);
  const operations = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  return operations.map((operation) => taskOf(operation, { schema, document, context }));
}

function taskOf(
  { name, operation, variableDefinitions = [] }: OperationDefinitionNode,
  { schema, document, context }: { schema: GraphQLSchema; document: DocumentNode; context: () => unknown },
): OperationTask {
  const operationName = name?.value;
  if (operation !== OperationTypeNode.QUERY) throw invalid(`${operationName ?? 'an operation'} is a ${operation}`);
  const required = variableDefinitions.find(
    ({ type, defaultValue }) => type.kind === Kind.NON_NULL_TYPE && !defaultValue,
  );
  if (required !== undefined)
    throw invalid(`${operationName ?? 'a query'}: $${required.variable.name.value} has no default`);
  const run = async (): Promise<void> => {
    const result = await execute({ schema, document, operationName, contextValue: await context() });
    if (result.errors?.[0] !== undefined) throw result.errors[0];
  };
  return Object.assign(run, { operation: operationName });
}

function parsed(text: string): DocumentNode {
  try {
    return parse(text);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function invalid(what: string): CacheError {
  return new CacheError('INVALID_OPTIONS', `operationTasks: the document must be queries of this schema: ${what}`);
}
