/**
 * Which properties of a field's value a request reads: those that the fields selected below it expose. Such a field has no resolver of its
 * own, or one that is known to return a property (`noteExposing`). Every other resolver may read the whole value, and so may whatever
 * decides which type it has, or has wrapped the cached resolver (`noteCached`), such as an authorization.
 */
import {
  defaultFieldResolver,
  getNullableType,
  isAbstractType,
  isObjectType,
  Kind,
  TypeNameMetaFieldDef,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type SelectionSetNode,
} from 'graphql';
import { isIncluded } from './included.ts';

/** Resolvers that return one property of their parent, and do nothing else, with its name. */
const exposing = new WeakMap<object, string>();

/** For plugins: declares that this resolver returns this property of its parent, and reads no other. */
export function noteExposing(resolver: object, property: string): void {
  exposing.set(resolver, property);
}

/** Resolvers that return the value of a cached field to GraphQL.js, if nothing has wrapped them. */
const cached = new WeakSet<object>();

/** Declares that this resolver is that of a cached field. */
export function noteCached(resolver: object): void {
  cached.add(resolver);
}

/** The properties of the value that the request reads; undefined if it may read any. */
export function exposedBelow(info: GraphQLResolveInfo): readonly string[] | undefined {
  const { resolve } = info.parentType.getFields()[info.fieldName] ?? {};
  if (resolve === undefined || !cached.has(resolve)) return undefined;
  const type = getNullableType(info.returnType);
  if (!isObjectType(type) || type.isTypeOf) return undefined;
  const reads = new Reads(info, type);
  return info.fieldNodes.every(({ selectionSet }) => reads.areExposed(selectionSet)) ? [...reads.names] : undefined;
}

class Reads {
  readonly names = new Set<string>();
  readonly #info: GraphQLResolveInfo;
  readonly #type: GraphQLObjectType;
  readonly #spread = new Set<string>();

  constructor(info: GraphQLResolveInfo, type: GraphQLObjectType) {
    this.#info = info;
    this.#type = type;
  }

  /** Whether all fields of the selection are exposed; notes the properties that they return. */
  areExposed(selectionSet: SelectionSetNode | undefined): boolean {
    if (selectionSet === undefined) return false;
    const { fragments, variableValues } = this.#info;
    return selectionSet.selections.every((selection) => {
      if (!isIncluded(selection, variableValues)) return true;
      if (selection.kind === Kind.FIELD) return this.#isExposed(selection.name.value);
      if (selection.kind === Kind.INLINE_FRAGMENT) return this.#areExposedIn(selection);
      const name = selection.name.value;
      if (this.#spread.has(name)) return true;
      this.#spread.add(name);
      const fragment = fragments[name];
      return fragment !== undefined && this.#areExposedIn(fragment);
    });
  }

  #areExposedIn(fragment: {
    readonly typeCondition?: { readonly name: { readonly value: string } } | undefined;
    readonly selectionSet: SelectionSetNode;
  }): boolean {
    const condition = fragment.typeCondition?.name.value ?? this.#type.name;
    return this.#isOf(condition) ? this.areExposed(fragment.selectionSet) : true;
  }

  #isOf(condition: string): boolean {
    if (condition === this.#type.name) return true;
    const abstract = this.#info.schema.getType(condition);
    return isAbstractType(abstract) && this.#info.schema.isSubType(abstract, this.#type);
  }

  #isExposed(name: string): boolean {
    if (name === TypeNameMetaFieldDef.name) return true;
    const property = propertyOf(this.#type.getFields()[name]);
    if (property === undefined) return false;
    this.names.add(property);
    return true;
  }
}

/** The property that the field returns and nothing else; undefined if its resolver, or what has wrapped it, may read more. */
export function propertyOf(field: GraphQLField<unknown, unknown> | undefined): string | undefined {
  if (field === undefined) return undefined;
  const { name, resolve } = field;
  // GraphQL.js returns the property with the field's name.
  return resolve === undefined || resolve === defaultFieldResolver ? name : exposing.get(resolve);
}
