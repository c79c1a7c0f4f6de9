import { useGraphiQL } from '@graphiql/react';
import { schemaHas } from '../request/schema-has.ts';

/** Whether the server reports the state of its cache; undefined until its schema is known. A server that does not is not asked. */
export function useIsLiveOffered(): boolean | undefined {
  const schema = useGraphiQL((state) => state.schema);
  if (schema == null) return undefined;
  return schemaHas(schema, 'Subscription.cacheEvents') || schemaHas(schema, 'Query.cacheSnapshot');
}
