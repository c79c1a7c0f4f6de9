/**
 * The tags of the values that a changed relation affects: its own and, because a partition's rows are its parents' rows too, those of
 * its ancestors.
 */
import type { Pgoutput } from 'pg-logical-replication';
import { isTableTag, tagOf } from '../relation-names.ts';
import type { LineageRow } from './lineage.ts';

/** A tag that a change of the relation invalidates. */
export interface RelationTag {
  readonly tag: string;
  /** Whether the key that the log has of a changed row is the id in the tags of its rows. */
  readonly hasRowTags: boolean;
}

/** The column whose value identifies a row in its tag; undefined if the log does not have it for every change. */
export function idColumnOf({ replicaIdentity, keyColumns }: Pgoutput.MessageRelation): string | undefined {
  // Otherwise the log lacks the primary key that a row had before, or does not tell which columns it has.
  return replicaIdentity === 'default' && keyColumns.length === 1 ? keyColumns[0] : undefined;
}

export function relationTagsOf(
  relation: Pgoutput.MessageRelation,
  lineage: readonly LineageRow[],
): readonly RelationTag[] {
  const id = idColumnOf(relation);
  const known = lineage.map((row) => ({
    tag: tagOf(row),
    hasRowTags: id !== undefined && row.key.length === 1 && row.key[0] === id,
  }));
  const { schema, name } = relation;
  const isAsLogged = lineage.some((row) => row.schema === schema && row.name === name);
  // It was renamed or dropped after this change: values have the tag of its earlier name.
  const earlier = isAsLogged ? [] : [name, `${schema}.${name}`].map((tag) => ({ tag, hasRowTags: false }));
  return [...known, ...earlier].filter(({ tag }) => isTableTag(tag));
}

/** Looks up the tags of relations as the log describes them, once for each description. */
export class RelationTags {
  readonly #lineageOf: (relationOid: number) => Promise<readonly LineageRow[]>;
  readonly #tags = new WeakMap<Pgoutput.MessageRelation, Promise<readonly RelationTag[]>>();
  /** By relation: the tags that it had when it was described last. */
  readonly #last = new Map<number, Promise<readonly RelationTag[]>>();

  constructor(lineageOf: (relationOid: number) => Promise<readonly LineageRow[]>) {
    this.#lineageOf = lineageOf;
  }

  /** @param relation The same object for all changes under one description. */
  of(relation: Pgoutput.MessageRelation): Promise<readonly RelationTag[]> {
    const known = this.#tags.get(relation);
    if (known !== undefined) return known;
    const before = this.#last.get(relation.relationOid)?.catch(() => []);
    const tags = this.#lookUp(relation, before);
    tags.catch(() => {}); // the transaction that needs it reports it
    this.#tags.set(relation, tags);
    this.#last.set(relation.relationOid, tags);
    return tags;
  }

  async #lookUp(
    relation: Pgoutput.MessageRelation,
    before: Promise<readonly RelationTag[]> | undefined,
  ): Promise<readonly RelationTag[]> {
    const earlier = (await before) ?? [];
    let lineage: readonly LineageRow[];
    try {
      lineage = await this.#lineageOf(relation.relationOid);
    } catch (error) {
      // The pool may be exhausted. What is known of the relation is better than to invalidate nothing until it is not.
      if (earlier.length > 0) return earlier;
      throw error;
    }
    const tags = relationTagsOf(relation, lineage);
    // Values that were stored before it was renamed, or detached from its parent, have these.
    const gone = earlier.filter(({ tag }) => tags.every((other) => other.tag !== tag));
    return [...tags, ...gone.map(({ tag }) => ({ tag, hasRowTags: false }))];
  }
}
