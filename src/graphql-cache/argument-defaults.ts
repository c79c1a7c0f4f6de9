import { getArgumentValues, isRequiredArgument, Kind, type FieldNode, type GraphQLField } from 'graphql';

/**
 * Returns what a resolver receives for the arguments that a request leaves out.
 *
 * @param args The arguments of a field, as Pothos configures them.
 */
export function argumentDefaultsOf(
  args: Readonly<Record<string, { readonly defaultValue?: unknown }>>,
): Record<string, unknown> {
  const defaults = Object.entries(args).map(([name, { defaultValue }]) => [name, defaultValue] as const);
  return Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}

/** The same for a field of a built schema. */
export function defaultsOfField(field: GraphQLField<unknown, unknown>): Record<string, unknown> {
  const optional = { ...field, args: field.args.filter((arg) => !isRequiredArgument(arg)) };
  const node: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: field.name } };
  return getArgumentValues(optional, node);
}
