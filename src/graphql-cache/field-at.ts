import { isInterfaceType, isObjectType, type GraphQLField, type GraphQLSchema } from 'graphql';

/** @param place Such as `Query.books`. */
export function fieldAt(schema: GraphQLSchema, place: string): GraphQLField<unknown, unknown> | undefined {
  const [typeName = '', fieldName = ''] = place.split('.');
  const type = schema.getType(typeName);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[fieldName] : undefined;
}
