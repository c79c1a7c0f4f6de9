/**
 * The tables that a write may change besides its target: by foreign keys, by the functions that it calls (of triggers, defaults,
 * constraints and policies), and through views and partitions.
 *
 * A function in SQL or PL/pgSQL may change each relation whose name occurs in its source, and whatever the functions may change that
 * it names. A function that executes text, or in any other language, may change anything.
 */
import { isTableTag, nameKey, tagOf } from '../relation-names.ts';
import type { TableWrites, WriteKind } from './table-writes.ts';
import type { WriteCatalogueRows, WritingFunction, WrittenRelation } from './write-catalogue-sql.ts';

/** What a write may change. */
export interface Reach {
  /** Of tables: `name` or, outside of the search path, `schema.name`. */
  readonly tags: ReadonlySet<string>;
  /** Whether it may change anything. */
  readonly isEverything: boolean;
  /** Whether it names a relation that was not there when the catalogue was read. */
  readonly isIncomplete: boolean;
}

const word = /[\p{L}_][\p{L}\p{N}_$]*/gu;
const unquoted = /^[\p{Ll}_][\p{Ll}\p{N}_$]*$/u;

/** Whether a name that must be quoted occurs in a source. */
function isQuotedIn(name: string, source: string): boolean {
  return !unquoted.test(name) && source.includes(name);
}

/** What the catalogue says of one moment. */
export class WriteCatalogue {
  readonly relations: ReadonlyMap<number, WrittenRelation>;
  readonly functions: ReadonlyMap<number, WritingFunction>;
  readonly #rows: WriteCatalogueRows;
  readonly #byName = new Map<string, WrittenRelation>();
  readonly #children = new Map<number, WrittenRelation[]>();
  /** Texts are the same each time, and what is known of them is one object. */
  readonly #reaches = new WeakMap<TableWrites, Reach>();

  constructor(rows: WriteCatalogueRows) {
    this.#rows = rows;
    this.relations = new Map(rows.relations.map((relation) => [relation.id, relation]));
    this.functions = new Map(rows.functions.map((one) => [one.id, one]));
    for (const relation of rows.relations) {
      this.#byName.set(nameKey(relation), relation);
      if (relation.isVisible) this.#byName.set(nameKey({ schema: undefined, name: relation.name }), relation);
      for (const id of relation.parents) this.#children.set(id, [...this.childrenOf(id), relation]);
    }
  }

  reachOf(writes: TableWrites): Reach {
    const known = this.#reaches.get(writes) ?? this.#reachOf(writes);
    this.#reaches.set(writes, known);
    return known;
  }

  /** The partitions of a table, and the tables that inherit from it. */
  childrenOf(id: number): readonly WrittenRelation[] {
    return this.#children.get(id) ?? [];
  }

  #reachOf({ targets, functions, operators, isOpaque }: TableWrites): Reach {
    const walk = new Walk(this);
    let isIncomplete = false;
    for (const { kind, ...name } of targets) {
      const relation = this.#byName.get(nameKey(name));
      if (relation === undefined) isIncomplete = true;
      else walk.write(relation, kind);
    }
    for (const { id, name } of this.#rows.functions) if (functions.has(name)) walk.call(id);
    for (const { name, calls } of this.#rows.operators) if (operators.has(name)) for (const id of calls) walk.call(id);
    return { tags: walk.tags, isEverything: isOpaque || walk.isEverything, isIncomplete };
  }

  /** The relations and functions whose names occur in a source. */
  namedIn(source: string): { relations: readonly WrittenRelation[]; functions: readonly WritingFunction[] } {
    const words = new Set(source.toLowerCase().match(word));
    const isNamed = ({ name }: { readonly name: string }): boolean => words.has(name) || isQuotedIn(name, source);
    return { relations: this.#rows.relations.filter(isNamed), functions: this.#rows.functions.filter(isNamed) };
  }
}

/** From a write to all that it leads to. Each relation is visited once for each kind of write, each function once. */
class Walk {
  readonly tags = new Set<string>();
  isEverything = false;
  readonly #catalogue: WriteCatalogue;
  readonly #visited = new Set<string>();

  constructor(catalogue: WriteCatalogue) {
    this.#catalogue = catalogue;
  }

  write(relation: WrittenRelation, kind: WriteKind): void {
    if (!this.#isNew(`${relation.id} ${kind}`)) return;
    if (relation.hasRules) this.isEverything = true;
    this.#addTags(relation);
    for (const id of relation.calls) this.call(id);
    for (const id of relation.isView ? relation.reads : []) this.#write(id, 'change');
    // Partitions may have triggers and foreign keys that their parent has not.
    for (const child of this.#catalogue.childrenOf(relation.id)) this.write(child, kind);
    for (const { id, isActive } of relation.referencedBy)
      if (kind === 'truncate' || (kind === 'change' && isActive)) this.#write(id, kind);
  }

  call(id: number): void {
    const called = this.#catalogue.functions.get(id);
    // Those of PostgreSQL, and of extensions that are written in C, change no tables but their trigger's.
    if (called === undefined || !this.#isNew(`function ${id}`)) return;
    const { language, source } = called;
    const isReadable = language === 'sql' || (language === 'plpgsql' && !/\bexecute\b/i.test(source));
    if (!isReadable) this.isEverything = true;
    const named = this.#catalogue.namedIn(source);
    for (const relation of named.relations) this.write(relation, 'truncate');
    for (const other of named.functions) this.call(other.id);
  }

  #write(id: number, kind: WriteKind): void {
    const relation = this.#catalogue.relations.get(id);
    if (relation !== undefined) this.write(relation, kind);
  }

  /** A partition's rows are its parents' rows, too. */
  #addTags(relation: WrittenRelation): void {
    // What has no tag is in no value's tags.
    if (!relation.isView && isTableTag(tagOf(relation))) this.tags.add(tagOf(relation));
    for (const id of relation.parents) {
      const parent = this.#catalogue.relations.get(id);
      if (parent !== undefined) this.#addTags(parent);
    }
  }

  #isNew(visit: string): boolean {
    if (this.#visited.has(visit)) return false;
    this.#visited.add(visit);
    return true;
  }
}
