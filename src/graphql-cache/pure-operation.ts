/**
 * Whether the result of an operation follows from the cached values that it fetches and from nothing else: each field is public
 * and cached, or returns a property of a cached value, and no plugin has wrapped its resolver, which a cached response would
 * bypass. Such an operation returns the same result for the same values.
 */
import {
  defaultFieldResolver,
  getNamedType,
  getOperationAST,
  isLeafType,
  isObjectType,
  Kind,
  OperationTypeNode,
  type DocumentNode,
  type ExecutionArgs,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

/** Directives that omit fields, and do nothing else. */
const harmless = new Set(['include', 'skip']);

/** Resolvers of public cached fields, and those that return a property of their parent, as `t.expose…` creates them. */
const pureResolvers = new WeakSet<object>();

/** Declares that a resolver is one of those. */
export function notePureResolver(resolver: object): void {
  pureResolvers.add(resolver);
}

/** The result for an operation, with the schema and document it belongs to. */
interface Known extends Pick<ExecutionArgs, 'schema' | 'document'> {
  readonly isPure: boolean;
}

const known = new WeakMap<OperationDefinitionNode, Known>();

/** @param args The arguments of an execution: a valid operation on a schema that does not change any more. */
export function isPure({ schema, document, operationName, rootValue, fieldResolver }: ExecutionArgs): boolean {
  // What these return is not known.
  if (rootValue !== undefined || fieldResolver != null) return false;
  const operation = getOperationAST(document, operationName);
  if (!operation) return false;
  const before = known.get(operation);
  if (before?.schema === schema && before.document === document) return before.isPure;
  const root = schema.getQueryType();
  const isQuery = operation.operation === OperationTypeNode.QUERY && root != null;
  const result = isQuery && isPlain(operation) && new Purity(document).isPureOn(root, operation.selectionSet);
  known.set(operation, { schema, document, isPure: result });
  return result;
}

class Purity {
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** The fragments that were checked, with the types they are spread on, so that each is checked once. */
  readonly #pure = new Set<string>();

  constructor({ definitions }: DocumentNode) {
    const fragments = definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
    this.#fragments = new Map(fragments.map((fragment) => [fragment.name.value, fragment]));
  }

  /** Interfaces and unions are never pure: a resolver decides which type the value has. */
  isPureOn(type: GraphQLNamedType, selectionSet: SelectionSetNode | undefined): boolean {
    if (selectionSet === undefined) return isLeafType(type);
    if (!isObjectType(type) || type.isTypeOf) return false;
    const fields = type.getFields();
    return selectionSet.selections.every((selection) => {
      if (!isPlain(selection)) return false;
      if (selection.kind === Kind.INLINE_FRAGMENT) return this.isPureOn(type, selection.selectionSet);
      if (selection.kind === Kind.FRAGMENT_SPREAD) return this.#isPureFragment(type, selection.name.value);
      if (selection.name.value === '__typename') return true;
      const field = fields[selection.name.value];
      return (
        field !== undefined && isPureField(field) && this.isPureOn(getNamedType(field.type), selection.selectionSet)
      );
    });
  }

  #isPureFragment(type: GraphQLNamedType, name: string): boolean {
    const place = `${type.name} ${name}`;
    if (this.#pure.has(place)) return true;
    const fragment = this.#fragments.get(name);
    if (fragment === undefined || !isPlain(fragment) || !this.isPureOn(type, fragment.selectionSet)) return false;
    this.#pure.add(place);
    return true;
  }
}

function isPlain({ directives = [] }: SelectionNode | FragmentDefinitionNode | OperationDefinitionNode): boolean {
  return directives.every(({ name }) => harmless.has(name.value));
}

/** Whether no plugin, and no later change of the schema, has wrapped it. A field without a resolver returns a property. */
function isPureField({ resolve }: GraphQLField<unknown, unknown>): boolean {
  return resolve === undefined || resolve === defaultFieldResolver || pureResolvers.has(resolve);
}
