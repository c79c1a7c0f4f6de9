/** Finds the interfaces whose options a field has: those of its type that have a field of the same name. */
import type { PothosTypeConfig, SchemaTypes } from '@pothos/core';

type ConfigStore<Types extends SchemaTypes> = PothosSchemaTypes.SchemaBuilder<Types>['configStore'];

/** An interface of the field's type. */
export interface InterfaceOfField {
  readonly config: PothosTypeConfig;
  /** The field of the interface itself; undefined if the interface inherits it. */
  readonly field: { readonly pothosOptions: object } | undefined;
}

/** @returns An interface that implements another one comes before it. */
export function interfacesOfField<Types extends SchemaTypes>(
  store: ConfigStore<Types>,
  typeName: string,
  fieldName: string,
): InterfaceOfField[] {
  const all = [...new Set(ancestorsOf(store, store.getTypeConfig(typeName)))].map((config) => {
    const field = store.getFields(config.name).get(fieldName);
    return { config, field, ancestors: new Set(ancestorsOf(store, config)) };
  });
  const hasField = ({ field, ancestors }: (typeof all)[number]): boolean =>
    field !== undefined || [...ancestors].some(({ name }) => store.getFields(name).has(fieldName));
  // One that implements another has more ancestors than that.
  return all.filter(hasField).toSorted((a, b) => b.ancestors.size - a.ancestors.size);
}

function ancestorsOf<Types extends SchemaTypes>(
  store: ConfigStore<Types>,
  config: PothosTypeConfig,
): PothosTypeConfig[] {
  if (!('interfaces' in config)) return [];
  const parents = config.interfaces.map((ref) => store.getTypeConfig(ref as never));
  return parents.flatMap((parent) => [parent, ...ancestorsOf(store, parent)]);
}
