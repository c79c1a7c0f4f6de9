/** The changes of one transaction, as the log describes them. Its memory is bounded: rows beyond `rowsMax` of a relation are not kept. */
import type { Pgoutput } from 'pg-logical-replication';
import { ChangedTags, rowsMax } from './changed-tags.ts';
import { idColumnOf, type RelationTags } from './relation-tags.ts';

type Row = Readonly<Record<string, unknown>>;

/** A tag has at most 200 characters, the name of a table in its schema 127. A longer id is in no tag. */
const idLengthMax = 72;

export class LoggedTransaction {
  /** The lower 32 bits of its id. */
  readonly xid: number;
  /** By relation: the ids of the rows, or all of them. */
  readonly #rows = new Map<Pgoutput.MessageRelation, Set<string> | 'all'>();

  constructor({ xid }: Pgoutput.MessageBegin) {
    this.xid = xid >>> 0;
  }

  note(message: Pgoutput.Message): void {
    switch (message.tag) {
      case 'insert':
        return this.#row(message.relation, message.new);
      case 'update':
        // The row as it was comes only if its key was changed.
        if (message.key !== null) this.#row(message.relation, message.key);
        return this.#row(message.relation, message.new);
      case 'delete':
        return this.#row(message.relation, message.key ?? message.old ?? {});
      case 'truncate':
        for (const relation of message.relations) this.#rows.set(relation, 'all');
        return;
      default:
    }
  }

  /** What values depend on. Rejects if the database cannot be asked. */
  async tags(relations: RelationTags): Promise<ChangedTags> {
    const changed = new ChangedTags();
    for (const [relation, rows] of this.#rows) {
      for (const { tag, hasRowTags } of await relations.of(relation)) {
        if (rows === 'all' || !hasRowTags) changed.addTable(tag);
        else for (const id of rows) changed.addRow(tag, id);
      }
    }
    return changed;
  }

  #row(relation: Pgoutput.MessageRelation, row: Row): void {
    const rows = this.#rows.get(relation) ?? new Set();
    if (rows === 'all') return;
    const column = idColumnOf(relation);
    const id = column === undefined ? undefined : row[column];
    // `!` is not the id of a row in a tag.
    const hasTag = typeof id === 'string' && id.length <= idLengthMax && id !== '!';
    if (hasTag) rows.add(id);
    this.#rows.set(relation, hasTag && rows.size <= rowsMax ? rows : 'all');
  }
}
