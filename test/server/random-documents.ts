// Random documents against any schema: a walk over its types that chooses fields, arguments, aliases, fragments, directives
// and variables. Most are valid; some are invalid on purpose.
import {
  getNamedType,
  isAbstractType,
  isCompositeType,
  isNonNullType,
  isObjectType,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import type { Dice } from './dice.ts';
import { randomValue, textOf, type Json, type ScalarValues } from './random-values.ts';

export interface RandomDocument {
  readonly query: string;
  readonly variables: Readonly<Record<string, Json>>;
  /** Undefined if none is sent. */
  readonly operationName: string | undefined;
  /** Other variables for the same query. */
  readonly otherVariables: Readonly<Record<string, Json>>;
  readonly operationNames: readonly string[];
}

export interface Choices {
  readonly schema: GraphQLSchema;
  readonly dice: Dice;
  readonly scalars?: ScalarValues;
  /** The weight with which `Type.field` is chosen among the fields of its type. Default: 10. 0: never. */
  readonly weightOf?: (coordinate: string) => number;
  /** The schema's own directives, which a few of the fields and operations have. */
  readonly directives?: readonly string[];
}

interface Variable {
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly hasDefault: boolean;
  readonly text: string;
}

interface Fragment {
  readonly name: string;
  readonly type: GraphQLCompositeType;
  readonly uses: ReadonlySet<Variable>;
  readonly text: string;
}

const depthMax = 4;
const breadthMax = 3;
const fragmentsMax = 3;
const aliases = ['a', 'b', 'id', 'name', 'items', '_1'];
const invalidPercent = 6;

export function randomDocument(choices: Choices): RandomDocument {
  return new DocumentWriter(choices).write();
}

class DocumentWriter {
  readonly #choices: Choices;
  readonly #dice: Dice;
  readonly #variables: Variable[] = [];
  readonly #fragments: Fragment[] = [];
  /** The number of fragments, including those that are being written. */
  #fragmentCount = 0;
  /** The field, arguments and type of each response key in the whole document, so that no two selections conflict. */
  readonly #meanings = new Map<string, string>();
  /** The variables of the operation or fragment that is being written. */
  #uses = new Set<Variable>();

  constructor(choices: Choices) {
    this.#choices = choices;
    this.#dice = choices.dice;
  }

  write(): RandomDocument {
    const dice = this.#dice;
    const count = dice.chance(12) ? 2 : 1;
    const names = count === 1 && dice.chance(50) ? [''] : ['A', 'B'].slice(0, count);
    const operations = names.map((name) => this.#operation(name));
    const query = [...operations, ...this.#fragments.map(({ text }) => text)].join('\n');
    const named = names.filter((name) => name !== '');
    const operationName = count > 1 || dice.chance(30) ? dice.oneOf(names) || undefined : undefined;
    const document = { query, variables: this.#values(), otherVariables: this.#values(), operationNames: named };
    return this.#maybeInvalid({ ...document, operationName });
  }

  #operation(name: string): string {
    this.#uses = new Set();
    const query = this.#choices.schema.getQueryType();
    if (!query) throw new Error('the schema has no queries');
    const selection = this.#selection(query, 0);
    const variables = [...this.#uses].map(({ text }) => text).join(', ');
    const head = (variables === '' ? name : `${name}(${variables})`) + this.#ownDirective();
    return head === '' && this.#dice.chance(60) ? selection : `query ${head} ${selection}`;
  }

  #selection(type: GraphQLCompositeType, depth: number): string {
    const count = 1 + this.#dice.below(Math.max(2, breadthMax - depth));
    return `{ ${Array.from({ length: count }, () => this.#selected(type, depth)).join(' ')} }`;
  }

  #selected(type: GraphQLCompositeType, depth: number): string {
    const dice = this.#dice;
    const fields = this.#fieldsOf(type, depth);
    if (depth < depthMax && dice.chance(type.name === 'Query' ? 10 : 15)) return this.#fragmentOn(type, depth);
    if (isAbstractType(type) && depth < depthMax && dice.chance(60)) return this.#fragmentOn(type, depth);
    if (fields.length === 0 || dice.chance(depth === 0 ? 1 : 8)) return this.#named('__typename', 'String!', true);
    const field = dice.oneOf(fields);
    const meaning = `${field.name}${this.#arguments(field)}`;
    const directives = this.#conditions() + this.#ownDirective();
    const inner = getNamedType(field.type);
    const name = this.#named(meaning, field.type.toString(), field.args.length === 0);
    return `${name}${directives}${isCompositeType(inner) ? ` ${this.#selection(inner, depth + 1)}` : ''}`;
  }

  /** Each field as many times as its weight; at the greatest depth only fields without a selection. */
  #fieldsOf(type: GraphQLCompositeType, depth: number): GraphQLField<unknown, unknown>[] {
    if (!('getFields' in type)) return [];
    const { weightOf = () => 10 } = this.#choices;
    const all = Object.values(type.getFields()).filter(
      (field) => depth < depthMax || !isCompositeType(getNamedType(field.type)),
    );
    return all.flatMap((field) => Array.from({ length: weightOf(`${type.name}.${field.name}`) }, () => field));
  }

  /** A field with a response key that stands for no other field in this document. */
  #named(meaning: string, type: string, isPlainLikely: boolean): string {
    const dice = this.#dice;
    const [own = ''] = meaning.split('(');
    const free = [...aliases, own, ...Array.from({ length: 200 }, (_, index) => `f${index}`)];
    const wanted = dice.chance(isPlainLikely ? 85 : 50) ? own : dice.oneOf(aliases);
    const full = `${meaning} ${type}`;
    const isOpen = (name: string): boolean => (this.#meanings.get(name) ?? full) === full;
    const name = isOpen(wanted) ? wanted : (free.find(isOpen) ?? own);
    this.#meanings.set(name, full);
    return name === own ? meaning : `${name}: ${meaning}`;
  }

  #fragmentOn(type: GraphQLCompositeType, depth: number): string {
    const dice = this.#dice;
    const possible = isAbstractType(type) ? this.#choices.schema.getPossibleTypes(type) : [type];
    const interfaces = isObjectType(type) ? type.getInterfaces() : [];
    const on = dice.oneOf<GraphQLCompositeType>([type, ...possible, ...possible, ...interfaces]);
    const conditions = this.#conditions();
    if (dice.chance(50)) {
      const condition = on === type && dice.chance(50) ? '' : ` on ${on.name}`;
      return `...${condition}${conditions} ${this.#selection(on, depth + 1)}`;
    }
    const fragment = this.#namedFragment(on, depth);
    if (fragment === undefined) return `... on ${on.name}${conditions} ${this.#selection(on, depth + 1)}`;
    for (const variable of fragment.uses) this.#uses.add(variable);
    return `...${fragment.name}${conditions}`;
  }

  /** An existing fragment on `type`, or a new one; undefined once there are `fragmentsMax`. */
  #namedFragment(type: GraphQLCompositeType, depth: number): Fragment | undefined {
    const written = this.#fragments.filter((fragment) => fragment.type === type);
    if (written.length > 0 && this.#dice.chance(60)) return this.#dice.oneOf(written);
    if (this.#fragmentCount >= fragmentsMax) return undefined;
    const name = `F${this.#fragmentCount}`;
    this.#fragmentCount += 1;
    const outer = this.#uses;
    const uses = (this.#uses = new Set());
    const selection = this.#selection(type, depth + 1);
    this.#uses = outer;
    // Added only now: the fragments that it spreads are complete, so none can spread itself.
    const fragment = { name, type, uses, text: `fragment ${name} on ${type.name} ${selection}` };
    this.#fragments.push(fragment);
    return fragment;
  }

  #conditions(): string {
    const boolean = this.#choices.schema.getType('Boolean') as GraphQLInputType | undefined;
    if (boolean === undefined || !this.#dice.chance(12)) return '';
    const flag = this.#dice.chance(50) ? this.#variable('Boolean!', boolean) : String(this.#dice.chance(50));
    return ` @${this.#dice.oneOf(['include', 'skip'])}(if: ${flag})`;
  }

  #ownDirective(): string {
    const { directives = [] } = this.#choices;
    return directives.length > 0 && this.#dice.chance(2) ? ` ${this.#dice.oneOf(directives)}` : '';
  }

  #arguments(field: GraphQLField<unknown, unknown>): string {
    const { scalars = {} } = this.#choices;
    const given = field.args.filter(
      (arg) => (isNonNullType(arg.type) && arg.defaultValue === undefined) || this.#dice.chance(40),
    );
    if (given.length === 0) return '';
    const texts = given.map(({ name, type }) => {
      if (this.#dice.chance(35)) return `${name}: ${this.#variable(type.toString(), type)}`;
      return `${name}: ${textOf(randomValue(type, this.#dice, scalars), type)}`;
    });
    return `(${texts.join(', ')})`;
  }

  /** A new or existing variable of this type. */
  #variable(declared: string, type: GraphQLInputType): string {
    const dice = this.#dice;
    const { scalars = {} } = this.#choices;
    const same = this.#variables.filter(({ text }) => text.split(' = ')[0]?.endsWith(`: ${declared}`));
    let variable = same.length > 0 && dice.chance(60) ? dice.oneOf(same) : undefined;
    if (variable === undefined) {
      const name = `v${this.#variables.length}`;
      const hasDefault = dice.chance(30);
      const ending = hasDefault ? ` = ${textOf(this.#nonNull(type, scalars), type)}` : '';
      variable = { name, type, hasDefault, text: `$${name}: ${declared}${ending}` };
      this.#variables.push(variable);
    }
    this.#uses.add(variable);
    return `$${variable.name}`;
  }

  #values(): Record<string, Json> {
    const { scalars = {} } = this.#choices;
    const sent = this.#variables.filter(({ hasDefault }) => !hasDefault || this.#dice.chance(50));
    return Object.fromEntries(sent.map(({ name, type }) => [name, this.#nonNull(type, scalars)]));
  }

  #nonNull(type: GraphQLInputType, scalars: ScalarValues): Json {
    for (;;) {
      const value = randomValue(type, this.#dice, scalars);
      if (value !== null) return value;
    }
  }

  #maybeInvalid(document: RandomDocument): RandomDocument {
    const dice = this.#dice;
    if (!dice.chance(invalidPercent)) return document;
    const { query, variables } = document;
    return dice.oneOf<() => RandomDocument>([
      () => ({ ...document, query: query.replace('{', '{ unknown ') }),
      () => ({ ...document, query: query.replace('{', '{ __typename @nothing ') }),
      () => ({ ...document, query: query.slice(0, -1 - dice.below(query.length - 1)) }),
      () => ({ ...document, query: query.replace('{', '{ ...None ') }),
      () => ({ ...document, variables: {} }),
      () => ({ ...document, variables: Object.fromEntries(Object.keys(variables).map((name) => [name, { no: 1 }])) }),
      () => ({ ...document, operationName: 'None' }),
    ])();
  }
}
