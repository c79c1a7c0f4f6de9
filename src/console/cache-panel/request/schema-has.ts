import type { GraphQLSchema } from 'graphql';

/** Whether a schema has a field, such as `Query.cacheStats`. */
export function schemaHas(schema: GraphQLSchema, coordinate: string): boolean {
  const [typeName = '', fieldName = ''] = coordinate.split('.');
  const type = schema.getType(typeName);
  return type !== undefined && 'getFields' in type && fieldName in type.getFields();
}
