import { Kind, type DocumentNode, type SelectionSetNode } from 'graphql';

/**
 * Counts the fields that the operations of a document select, those of a fragment once for each use. Each fragment is visited once, so
 * fragments that multiply each other cost nothing here.
 */
export function fieldsOf({ definitions }: DocumentNode): number {
  const fragments = new Map<string, SelectionSetNode>();
  for (const one of definitions) {
    if (one.kind === Kind.FRAGMENT_DEFINITION) fragments.set(one.name.value, one.selectionSet);
  }
  const counts = new Map<string, number>();
  const ofFragment = (name: string): number => {
    const known = counts.get(name);
    if (known !== undefined) return known;
    counts.set(name, 0); // validation rejects a fragment within itself
    const fields = ofSelections(fragments.get(name));
    counts.set(name, fields);
    return fields;
  };
  const ofSelections = (set: SelectionSetNode | undefined): number => {
    let fields = 0;
    for (const one of set?.selections ?? []) {
      if (one.kind === Kind.FRAGMENT_SPREAD) fields += ofFragment(one.name.value);
      else fields += Number(one.kind === Kind.FIELD) + ofSelections(one.selectionSet);
    }
    return fields;
  };
  const operations = definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  return operations.reduce((sum, { selectionSet }) => sum + ofSelections(selectionSet), 0);
}
