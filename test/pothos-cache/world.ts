// A schema of a test's own over a cache of its own, and documents that are run against it.
import SchemaBuilder from '@pothos/core';
import { execute, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql';
import CachePlugin, { cacheReportOf, type PluginOptions, type ReportRow } from '../../src/pothos-cache/index.ts';
import { newWorld, type World } from '../cache/world.ts';

/** Who asks, and from where. */
export interface Asker {
  viewer?: string | number | bigint | null;
  tenant?: string;
  locale?: string;
}

interface Types {
  Context: Asker;
}

export type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<Types>>;

export function newBuilder(): Builder {
  return new SchemaBuilder<Types>({ plugins: [CachePlugin] });
}

export interface Ran {
  readonly data: unknown;
  readonly errors: readonly string[];
  readonly result: ExecutionResult;
  readonly rows: readonly ReportRow[];
  readonly more: number;
  /** What each row says: `miss`, `hit` … */
  readonly states: string;
}

export interface SchemaWorld extends World {
  readonly schema: GraphQLSchema;
  /** Runs `text` as a request of its own. */
  readonly run: (text: string, variables?: Record<string, unknown>, context?: Asker) => Promise<Ran>;
}

/** @param define Adds types and fields; a Query type is there. */
export async function newSchema(
  define: (builder: Builder, world: World) => void,
  options: Omit<PluginOptions<Asker>, 'engine'> = {},
): Promise<SchemaWorld> {
  const world = await newWorld('memory', { namespace: 'shop' });
  const builder = newBuilder();
  builder.queryType({});
  define(builder, world);
  const schema = builder.toSchema({ cache: { engine: world.cache, ...options } });
  return { ...world, schema, run: (...request) => runOn(schema, ...request) };
}

export async function runOn(
  schema: GraphQLSchema,
  text: string,
  variables: Record<string, unknown> = {},
  contextValue: Asker = {},
): Promise<Ran> {
  const document = parse(text);
  const wrong = validate(schema, document);
  if (wrong.length > 0) throw new Error(wrong.map(({ message }) => message).join('\n'));
  const result = await execute({ schema, document, variableValues: variables, contextValue });
  const report = cacheReportOf(contextValue);
  const rows = report?.fields ?? [];
  return {
    data: JSON.parse(JSON.stringify(result.data ?? null)) as unknown,
    errors: (result.errors ?? []).map(({ message }) => message),
    result,
    rows,
    more: report?.more ?? 0,
    states: rows.map(({ state }) => state).join(' '),
  };
}

/** The digest in the keys of a schema with one cached field, `Query.stats` unless told otherwise. */
export async function digestOf(schema: GraphQLSchema, text = '{ stats { label } }'): Promise<string> {
  const { rows } = await runOn(schema, text);
  return rows[0]?.key.split(':')[1] ?? '';
}
