import { getArgumentValues, isRequiredArgument, Kind, type FieldNode, type GraphQLSchema } from 'graphql';
import type { ArgumentDefaults } from '../cache/index.ts';
import { fieldAt } from './field-at.ts';

/**
 * Returns what the resolvers of fields receive for arguments that a request leaves out.
 *
 * @param places The fields, such as `Query.books`.
 */
export function argumentDefaultsOf(
  schema: GraphQLSchema,
  places: Iterable<string>,
): ReadonlyMap<string, ArgumentDefaults> {
  return new Map(Array.from(places, (place) => [place, defaultsAt(schema, place)]));
}

function defaultsAt(schema: GraphQLSchema, place: string): ArgumentDefaults {
  const field = fieldAt(schema, place);
  if (field === undefined) return {};
  const optional = { ...field, args: field.args.filter((arg) => !isRequiredArgument(arg)) };
  const node: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: field.name } };
  return getArgumentValues(optional, node);
}
