/** Writes the values of arguments as literals of a document. */
import {
  astFromValue,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  Kind,
  specifiedScalarTypes,
  type GraphQLInputType,
  type ValueNode,
} from 'graphql';

/** Whether the values of a type are unchanged after being written as literals: not known for a custom scalar. */
const literalTypes = new WeakMap<GraphQLInputType, boolean>();

/** Writes literals, and variables for values without one; equal values in equal order become equal nodes. */
export class ValueNodes {
  /** The values of the variables, in the order in which they were written. */
  readonly variableValues: Record<string, unknown> = {};
  #variables = 0;

  /** @param value A coerced value of `type`. */
  of(value: unknown, type: GraphQLInputType): ValueNode {
    const literal = isLiteral(type) ? astFromValue(value, type) : undefined;
    if (literal) return literal;
    const name = `value${this.#variables}`;
    this.#variables += 1;
    this.variableValues[name] = value;
    return { kind: Kind.VARIABLE, name: { kind: Kind.NAME, value: name } };
  }
}

function isLiteral(type: GraphQLInputType): boolean {
  const known = literalTypes.get(type);
  if (known !== undefined) return known;
  const isOne = hasLiteralsOnly(type, new Set());
  literalTypes.set(type, isOne);
  return isOne;
}

/** @param seen The types on the path here, which may contain themselves. */
function hasLiteralsOnly(type: GraphQLInputType, seen: Set<GraphQLInputType>): boolean {
  if (isNonNullType(type) || isListType(type)) return hasLiteralsOnly(type.ofType, seen);
  if (!isInputObjectType(type)) return isEnumType(type) || specifiedScalarTypes.some((scalar) => scalar === type);
  if (seen.has(type)) return true;
  seen.add(type);
  return Object.values(type.getFields()).every((field) => hasLiteralsOnly(field.type, seen));
}
