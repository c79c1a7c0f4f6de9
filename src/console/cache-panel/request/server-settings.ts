/** What a server with the shop's console says about itself. A server without `Query.console` is not asked. */
import type { Fetcher } from '@graphiql/toolkit';
import { getNamedType, isObjectType, type GraphQLSchema } from 'graphql';
import type { Operation } from './operation.ts';
import { ownOperation } from './own-operation.ts';
import { send } from './send.ts';
import type { SimulatedLatency } from './simulated-latency.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface ServerSettings {
  readonly simulatedLatency: SimulatedLatency;
  /** Whether `stopRedis` and `startRedis` work. */
  readonly hasPrivateRedis: boolean;
  /** The command that opens its Redis; null if it has none, undefined if it does not say. */
  readonly redisCli: string | null | undefined;
}

/** Of a server that says nothing. */
export const noSettings: ServerSettings = {
  simulatedLatency: new Map(),
  hasPrivateRedis: false,
  redisCli: undefined,
};

/** How each is selected, by its name. A server may have some of them. */
const selections = {
  simulatedLatency: 'simulatedLatency { field ms }',
  hasPrivateRedis: 'hasPrivateRedis',
  redisCli: 'redisCli',
};

/** One request for each schema that was fetched, not for each comparison. */
const known = new WeakMap<GraphQLSchema, Promise<ServerSettings>>();

export interface SettingsOptions {
  /** What GraphiQL knows of the server. */
  readonly schema: GraphQLSchema | null | undefined;
  readonly headers: Operation['headers'];
  readonly signal?: AbortSignal;
}

/**
 * Asks the server, once.
 *
 * @throws The signal's reason, as soon as it is aborted.
 */
export async function readServerSettings(
  fetcher: Fetcher,
  { schema, headers, signal }: SettingsOptions,
): Promise<ServerSettings> {
  const fields = schema == null ? [] : fieldsOffered(schema);
  if (schema == null || fields.length === 0) return noSettings;
  const answer = known.get(schema) ?? ask(fetcher, fields, headers).catch(() => forget(schema));
  known.set(schema, answer);
  return await unlessAborted(answer, signal);
}

function fieldsOffered(schema: GraphQLSchema): readonly string[] {
  const type = schema.getQueryType()?.getFields()['console']?.type;
  const settings = type === undefined ? undefined : getNamedType(type);
  if (!isObjectType(settings)) return [];
  const offered = settings.getFields();
  return Object.entries(selections).flatMap(([name, selection]) => (offered[name] === undefined ? [] : selection));
}

/** What is sent next reports the fault, and asks again. */
function forget(schema: GraphQLSchema): ServerSettings {
  known.delete(schema);
  return noSettings;
}

async function ask(
  fetcher: Fetcher,
  fields: readonly string[],
  headers: Operation['headers'],
): Promise<ServerSettings> {
  const { data } = await send(fetcher, ownOperation(`{ console { ${fields.join(' ')} } }`, { headers }));
  const { simulatedLatency = [], ...others } = (data as { console: Partial<Answer> }).console;
  return { ...noSettings, ...others, simulatedLatency: new Map(simulatedLatency.map(({ field, ms }) => [field, ms])) };
}

interface Answer {
  readonly simulatedLatency: readonly { readonly field: string; readonly ms: number }[];
  readonly hasPrivateRedis: boolean;
  readonly redisCli: string | null;
}
