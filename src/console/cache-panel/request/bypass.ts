/**
 * The two sides of a comparison: the operation with all of its cached fields bypassing the cache, and the same operation with all of
 * them using it. A `@cache` that the user wrote is removed from both, so that they really compare the database with the cache.
 */
import {
  DirectiveLocation,
  GraphQLError,
  isEnumType,
  getNamedType,
  Kind,
  OperationTypeNode,
  parse,
  print,
  separateOperations,
  visit,
  type DirectiveNode,
  type DocumentNode,
  type GraphQLDirective,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { Operation } from './operation.ts';

/** One operation, to be sent in two ways. */
export interface Sides {
  readonly database: Operation;
  readonly cache: Operation;
}

/** An operation cannot be compared. The message says why, to the user. */
export class NotComparable extends Error {
  override readonly name = 'NotComparable';
  readonly code: 'EMPTY' | 'SYNTAX' | 'NOT_A_QUERY' | 'NO_BYPASS';

  constructor(code: NotComparable['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * @param schema What GraphiQL knows of the server; null or undefined as long as it knows nothing.
 * @throws {NotComparable} for everything except a query on a server that has `@cache`.
 */
export function sidesOf(operation: Operation, schema: GraphQLSchema | null | undefined): Sides {
  const directive = schema?.getDirective('cache');
  if (schema && !hasBypass(directive))
    throw new NotComparable('NO_BYPASS', 'This server has no directive @cache, so nothing can bypass its cache.');
  const chosen = chosenOperation(parsed(operation.query), operation.operationName);
  if (chosen.definition.operation !== OperationTypeNode.QUERY)
    throw new NotComparable(
      'NOT_A_QUERY',
      `Only queries can be compared, and this is a ${chosen.definition.operation}.`,
    );
  const cache = withoutCacheDirective(chosen.document);
  const database = directive?.locations.includes(DirectiveLocation.QUERY)
    ? withBypassOnQuery(cache)
    : withBypassOnFields(cache);
  const rest = { ...operation, operationName: chosen.definition.name?.value };
  return { database: { ...rest, query: print(database) }, cache: { ...rest, query: print(cache) } };
}

/** Whether it is the directive of the plugin, and not one of the same name. */
function hasBypass(directive: GraphQLDirective | null | undefined): boolean {
  const mode = directive?.args.find(({ name }) => name === 'mode');
  const type = mode === undefined ? undefined : getNamedType(mode.type);
  return isEnumType(type) && type.getValue('BYPASS') !== undefined;
}

function parsed(query: string): DocumentNode {
  // Comments begin with # and end with the line; commas are spaces.
  if (query.replaceAll(/#.*|[\s,\uFEFF]/g, '') === '')
    throw new NotComparable('EMPTY', 'The editor is empty. Write a query, or choose a tab that has one.');
  try {
    return parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const [place] = error.locations ?? [];
    const where = place === undefined ? '' : ` (line ${place.line}, column ${place.column})`;
    throw new NotComparable('SYNTAX', `${error.message}${where}`);
  }
}

/** The operation with its fragments, without the others: of several, the named one, or else the first one, as GraphiQL runs it. */
function chosenOperation(
  document: DocumentNode,
  operationName: string | undefined,
): { definition: OperationDefinitionNode; document: DocumentNode } {
  const definitions = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  const definition = definitions.find(({ name }) => name?.value === operationName) ?? definitions[0];
  if (definition === undefined) throw new NotComparable('EMPTY', 'The editor has fragments, but no query.');
  return { definition, document: separateOperations(document)[definition.name?.value ?? ''] ?? document };
}

/** Removes each `@cache`, and the variables that nothing else uses: a server rejects an unused variable. */
function withoutCacheDirective(document: DocumentNode): DocumentNode {
  const removed = new Set<string>();
  const without = visit(document, {
    Directive(node) {
      if (node.name.value !== 'cache') return undefined;
      for (const name of variablesIn(node)) removed.add(name);
      return null;
    },
  });
  const used = variablesIn(without);
  return visit(without, {
    VariableDefinition: ({ variable: { name } }) => (removed.has(name.value) && !used.has(name.value) ? null : false),
  });
}

/** The variables that are used, without their definitions. */
function variablesIn(node: DocumentNode | DirectiveNode): ReadonlySet<string> {
  const names = new Set<string>();
  visit(node, { Variable: ({ name }) => void names.add(name.value), VariableDefinition: () => false });
  return names;
}

const bypass: DirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'cache' },
  arguments: [
    {
      kind: Kind.ARGUMENT,
      name: { kind: Kind.NAME, value: 'mode' },
      value: { kind: Kind.ENUM, value: 'BYPASS' },
    },
  ],
};

function withBypassOnQuery(document: DocumentNode): DocumentNode {
  return visit(document, {
    OperationDefinition: (node) => ({ ...node, directives: [...(node.directives ?? []), bypass] }),
  });
}

/** Not on introspection: it is never cached, and servers limit how long a document may be. */
function withBypassOnFields(document: DocumentNode): DocumentNode {
  return visit(document, {
    FragmentDefinition: ({ typeCondition }) => (isIntrospection(typeCondition.name.value) ? false : undefined),
    Field: {
      enter: ({ name }) => (isIntrospection(name.value) ? false : undefined),
      leave: (node) => ({ ...node, directives: [...(node.directives ?? []), bypass] }),
    },
  });
}

function isIntrospection(name: string): boolean {
  return name.startsWith('__');
}
