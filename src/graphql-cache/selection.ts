/**
 * What a request selects below a field, in a canonical form: selections that are equal for the resolver are equal in the key.
 *
 * Fragments are merged into the fields that they select, fields are ordered by their name in the response and arguments by
 * theirs, `@skip` and `@include` are evaluated, `@cache` is omitted, and variables and default values are replaced by their
 * values. Aliases are kept, except that of the field itself.
 * https://spec.graphql.org/October2021/#sec-Field-Collection
 */
import {
  getArgumentValues,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  print,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type ArgumentNode,
  type DirectiveNode,
  type FieldNode,
  type FragmentSpreadNode,
  type GraphQLCompositeType,
  type GraphQLDirective,
  type GraphQLField,
  type GraphQLResolveInfo,
  type InlineFragmentNode,
  type NameNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { CacheError } from '../cache/index.ts';
import { isIncluded } from './included.ts';
import { ValueNodes } from './value-nodes.ts';

/** A selection: its part of the key, and the parts of `info` that show it. */
export interface Selection {
  /** The part of the key: the text of `fieldNode`, and the values in `variableValues`. */
  readonly encoding: readonly unknown[];
  /** The field itself, without its alias. */
  readonly fieldNode: FieldNode;
  /** The values of arguments that have no literal form in GraphQL. */
  readonly variableValues: Readonly<Record<string, unknown>>;
}

/** Nested fragments multiply: a short document may select more than can be written down. */
const nodesMax = 10_000;

/** The fields of one selection set, after its fragments were merged. */
interface Collected {
  /** By their name in the response. */
  readonly fields: Map<string, FieldNode[]>;
  /** By type, for the fields of fragments on one of several possible types. */
  readonly ofTypes: Map<string, SelectionSetNode[]>;
  /** With directives of their own. */
  readonly apart: InlineFragmentNode[];
  readonly spread: Set<string>;
}

/**
 * @throws {CacheError} `INVALID_KEY` for a selection that is too large, or selects what the schema does not have.
 * @throws {GraphQLError} for an argument whose value is missing.
 */
export function selectionOf(info: GraphQLResolveInfo): Selection {
  const values = new ValueNodes();
  const { parentType, fieldName, fieldNodes } = info;
  const fieldNode = new Canonical(info, values).field(parentType.getFields()[fieldName], fieldNodes);
  const { variableValues } = values;
  return { encoding: [print(fieldNode), ...Object.values(variableValues)], fieldNode, variableValues };
}

class Canonical {
  readonly #info: GraphQLResolveInfo;
  readonly #values: ValueNodes;
  #nodes = 0;

  constructor(info: GraphQLResolveInfo, values: ValueNodes) {
    this.#info = info;
    this.#values = values;
  }

  /** @param nodes All nodes that select it in one place. */
  field(
    definition: GraphQLField<unknown, unknown> | undefined,
    nodes: readonly FieldNode[],
    alias?: NameNode,
  ): FieldNode {
    const [first] = nodes;
    if (definition === undefined || first === undefined) throw this.#refusal('a field that the schema does not have');
    const type = getNamedType(definition.type);
    const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    return {
      kind: Kind.FIELD,
      ...(alias === undefined ? {} : { alias }),
      name: nameNode(definition.name),
      arguments: this.#arguments(definition, first),
      directives: nodes.flatMap((node) => this.#directives(node)),
      ...(isCompositeType(type) ? { selectionSet: this.#selectionSet(type, sets) } : {}),
    };
  }

  #selectionSet(type: GraphQLCompositeType, sets: readonly SelectionSetNode[]): SelectionSetNode {
    const collected: Collected = { fields: new Map(), ofTypes: new Map(), apart: [], spread: new Set() };
    for (const set of sets) this.#collect(type, set, collected);
    const fields = byName(collected.fields).map(([name, nodes]) => {
      const field = nodes[0]?.name.value ?? name;
      return this.field(this.#definition(type, field), nodes, name === field ? undefined : nameNode(name));
    });
    const ofTypes = byName(collected.ofTypes).map(([name, typedSets]) => this.#fragment(name, typedSets, []));
    const selections = [...fields, ...ofTypes.filter(({ selectionSet }) => selectionSet.selections.length > 0)];
    return { kind: Kind.SELECTION_SET, selections: [...selections, ...collected.apart] };
  }

  #collect(type: GraphQLCompositeType, { selections }: SelectionSetNode, collected: Collected): void {
    for (const selection of selections) {
      this.#nodes += 1;
      if (this.#nodes > nodesMax) throw this.#refusal(`more than ${nodesMax} fields`);
      if (!isIncluded(selection, this.#info.variableValues)) continue;
      if (selection.kind === Kind.FIELD) add(collected.fields, (selection.alias ?? selection.name).value, selection);
      else this.#collectFragment(type, selection, collected);
    }
  }

  #collectFragment(
    type: GraphQLCompositeType,
    selection: FragmentSpreadNode | InlineFragmentNode,
    collected: Collected,
  ): void {
    const isSpread = selection.kind === Kind.FRAGMENT_SPREAD;
    const fragment = isSpread ? this.#info.fragments[selection.name.value] : selection;
    if (fragment === undefined) throw this.#refusal('a fragment that the document does not have');
    const condition = fragment.typeCondition?.name.value ?? type.name;
    const directives = this.#directives(selection);
    if (directives.length > 0) {
      collected.apart.push(this.#fragment(condition, [fragment.selectionSet], directives));
      return;
    }
    if (isSpread && collected.spread.has(selection.name.value)) return;
    if (isSpread) collected.spread.add(selection.name.value);
    if (condition === type.name || this.#isOf(type, condition)) this.#collect(type, fragment.selectionSet, collected);
    else if (!isObjectType(type)) add(collected.ofTypes, condition, fragment.selectionSet);
  }

  #fragment(condition: string, sets: SelectionSetNode[], directives: DirectiveNode[]): InlineFragmentNode {
    const type = this.#info.schema.getType(condition);
    if (!isCompositeType(type)) throw this.#refusal('a type that the schema does not have');
    return {
      kind: Kind.INLINE_FRAGMENT,
      typeCondition: { kind: Kind.NAMED_TYPE, name: nameNode(condition) },
      directives,
      selectionSet: this.#selectionSet(type, sets),
    };
  }

  #isOf(type: GraphQLCompositeType, condition: string): boolean {
    const abstract = this.#info.schema.getType(condition);
    return isObjectType(type) && isAbstractType(abstract) && this.#info.schema.isSubType(abstract, type);
  }

  #directives({ directives = [] }: SelectionNode): DirectiveNode[] {
    const others = directives.filter(({ name }) => !['skip', 'include', 'cache'].includes(name.value));
    return others.map((directive) => {
      const definition = this.#info.schema.getDirective(directive.name.value);
      if (!definition) throw this.#refusal('a directive that the schema does not have');
      return {
        kind: Kind.DIRECTIVE,
        name: nameNode(definition.name),
        arguments: this.#arguments(definition, directive),
      };
    });
  }

  #arguments(
    definition: GraphQLField<unknown, unknown> | GraphQLDirective,
    node: FieldNode | DirectiveNode,
  ): ArgumentNode[] {
    const values = getArgumentValues(definition, node, this.#info.variableValues);
    const given = definition.args.filter(({ name }) => Object.hasOwn(values, name));
    return given
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, type }) => ({
        kind: Kind.ARGUMENT,
        name: nameNode(name),
        value: this.#values.of(values[name], type),
      }));
  }

  #definition(type: GraphQLCompositeType, name: string): GraphQLField<unknown, unknown> | undefined {
    const meta = [TypeNameMetaFieldDef, SchemaMetaFieldDef, TypeMetaFieldDef].find((one) => one.name === name);
    return meta ?? (isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined);
  }

  #refusal(got: string): CacheError {
    const { parentType, fieldName } = this.#info;
    return new CacheError('INVALID_KEY', `${parentType.name}.${fieldName}: the selection has ${got}`);
  }
}

function add<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}

function byName<T>(lists: ReadonlyMap<string, T>): [string, T][] {
  return [...lists].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function nameNode(value: string): NameNode {
  return { kind: Kind.NAME, value };
}
