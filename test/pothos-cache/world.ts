// A schema per test over a cache of its own, and the execution of documents against it.
import SchemaBuilder from '@pothos/core';
import { execute, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql';
import type { Cdn } from '../../src/cache/index.ts';
import CachePlugin, {
  cacheReportOf,
  httpCachingOf,
  type PluginOptions,
  type ReportRow,
} from '../../src/pothos-cache/index.ts';
import { newWorld, type World } from '../cache/world.ts';

/** The context of a request. */
export interface RequestContext {
  viewer?: string | number | bigint | null;
  tenant?: string;
  locale?: string;
}

interface Types {
  Context: RequestContext;
}

export type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<Types>>;

export function newBuilder(): Builder {
  return new SchemaBuilder<Types>({ plugins: [CachePlugin] });
}

export interface RunResult {
  readonly data: unknown;
  readonly errors: readonly string[];
  readonly result: ExecutionResult;
  readonly rows: readonly ReportRow[];
  readonly more: number;
  /** The state of each row, such as `miss` or `hit`, separated by spaces. */
  readonly states: string;
}

export interface SchemaWorld extends World {
  readonly schema: GraphQLSchema;
  /** Executes `text` as a request of its own. */
  readonly run: (text: string, variables?: Record<string, unknown>, context?: RequestContext) => Promise<RunResult>;
}

/** @param define Adds types and fields; the Query type exists already. */
export async function newSchema(
  define: (builder: Builder, world: World) => void,
  options: Omit<PluginOptions<RequestContext>, 'engine'> = {},
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
  contextValue: RequestContext = {},
): Promise<RunResult> {
  const document = parse(text);
  const faults = validate(schema, document);
  if (faults.length > 0) throw new Error(faults.map(({ message }) => message).join('\n'));
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

/** The schema digest in the key of the cached field that `text` selects, by default `Query.stats`. */
export async function digestOf(schema: GraphQLSchema, text = '{ stats { label } }'): Promise<string> {
  const { rows } = await runOn(schema, text);
  return rows[0]?.key.split(':')[1] ?? '';
}

/** The `Cache-Control` of the response to a GET request; undefined if it has errors. */
export async function cacheControlOf(
  schema: GraphQLSchema,
  text: string,
  contextValue: RequestContext = {},
  cdn?: Cdn,
): Promise<string | undefined> {
  const args = { schema, document: parse(text), contextValue };
  const result = await execute(args);
  return httpCachingOf(args, result, JSON.stringify(result.data), { cdn })?.cacheControl;
}
