/** PostgreSQL's parse tree as JSON of libpg-query: a node is `{ Kind: { field: … } }`, a name `{ String: { sval } }`. */

export type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

/** The kind of a node; undefined for anything else, also for a struct whose kind follows from the field it is in. */
export function kindOf(value: unknown): string | undefined {
  if (!isRecord(value)) return undefined;
  const [name = '', ...others] = Object.keys(value);
  return others.length === 0 && /^[A-Z]/.test(name) ? name : undefined;
}

/** The fields of a node of this kind, or of a struct; empty if there is neither. */
export function fieldsOf(value: unknown, kind?: string): Fields {
  const fields = kind === undefined || !isRecord(value) ? value : value[kind];
  return isRecord(fields) ? fields : {};
}

/** The last part of a qualified name; undefined if it is not a name, as in `t.*`. */
export function lastName(names: unknown): string | undefined {
  const last: unknown = Array.isArray(names) ? names.at(-1) : undefined;
  const { sval } = fieldsOf(last, 'String');
  return typeof sval === 'string' ? sval : undefined;
}

/** The value of a field that holds a name. */
export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
