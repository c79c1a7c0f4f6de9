/** How relations are named: in SQL, and as tags. */

/** A relation as a statement names it. */
export interface RelationName {
  /** Undefined if the search path decides. */
  readonly schema: string | undefined;
  readonly name: string;
}

/** A relation of the catalogue. */
export interface KnownRelation {
  readonly schema: string;
  readonly name: string;
  /** Whether its unqualified name refers to it, by the search path. */
  readonly isVisible: boolean;
}

/** The tag of the values that are read from a table: its name or, outside of the search path, `schema.name`. */
export function tagOf({ schema, name, isVisible }: KnownRelation): string {
  return isVisible ? name : `${schema}.${name}`;
}

const tagLengthMax = 200;

/** Whether it is the tag of a table. A colon makes a tag that of a row, and an asterisk is the tag of everything. */
export function isTableTag(tag: string): boolean {
  return !tag.includes(':') && tag !== '*' && tag.length <= tagLengthMax;
}

/** Equal for equal names, and for no others. */
export function nameKey({ schema, name }: RelationName): string {
  return JSON.stringify([schema ?? null, name]);
}
