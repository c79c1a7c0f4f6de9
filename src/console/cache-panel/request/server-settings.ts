/** What a server with the shop's console says about itself. Other servers have no such field, and are not asked. */
import { useGraphiQL } from '@graphiql/react';
import type { Fetcher } from '@graphiql/toolkit';
import type { GraphQLSchema } from 'graphql';
import { useEffect } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { ownOperation } from './own-operation.ts';
import { send } from './send.ts';

export interface ServerSettings {
  /** How long the shop's queries are cached. */
  readonly ttlMs: number;
  /** Whether `stopRedis` and `startRedis` work. */
  readonly hasPrivateRedis: boolean;
  /** How to reach its Redis; null if it has none. */
  readonly redisCli: string | null;
}

const query = '{ console { ttlMs hasPrivateRedis redisCli } }';

/** One for the page. Undefined: not known, or not this kind of server. */
export const serverSettings = createStore<{ readonly settings: ServerSettings | undefined }>(() => ({
  settings: undefined,
}));

let askedFor: GraphQLSchema | undefined;

/** Asks once for each schema. */
export function useServerSettings(): ServerSettings | undefined {
  const schema = useGraphiQL((state) => state.schema);
  const fetcher = useGraphiQL((state) => state.fetcher);
  useEffect(() => {
    if (schema == null || askedFor === schema) return;
    askedFor = schema;
    // Without an answer the panel works as with other servers.
    readSettings(schema, fetcher).catch(() => serverSettings.setState({ settings: undefined }));
  }, [schema, fetcher]);
  return useStore(serverSettings, ({ settings }) => settings);
}

async function readSettings(schema: GraphQLSchema, fetcher: Fetcher): Promise<void> {
  const isOffered = schema.getQueryType()?.getFields()['console'] !== undefined;
  const { data } = isOffered ? await send(fetcher, ownOperation(query)) : {};
  serverSettings.setState({ settings: (data as { console: ServerSettings } | undefined)?.console });
}
