// The caches that a schema of the zoo is built with, and the comparison of its answers with those that it gives without a cache.
import { randomBytes } from 'node:crypto';
import { createCache, createMemoryStore, createRedisStore, type Cache, type Codec } from 'cachepot/cache';
import { cacheReportOf } from 'cachepot/pothos';
import { execute, parse, validate, type ExecutionResult, type GraphQLSchema } from 'graphql';
import { expect, inject, onTestFinished } from 'vitest';

export const engineNames = ['memory store', 'Redis', 'Redis and memory tier'] as const;
export type EngineName = (typeof engineNames)[number];

export const newNamespace = (): string => `zoo-${randomBytes(6).toString('hex')}`;

interface EngineOptions {
  readonly namespace?: string;
  readonly codecs?: readonly Codec[];
  readonly knownTags?: () => readonly string[];
}

/** A cache of the test, empty unless its namespace is that of another one, as in another process. */
export async function newEngine(
  name: EngineName,
  { namespace = newNamespace(), ...options }: EngineOptions = {},
): Promise<Cache> {
  const store =
    name === 'memory store'
      ? createMemoryStore({ namespace })
      : await createRedisStore({ address: inject('redisSocketPath'), namespace, deadlineMs: 20_000 });
  const memoryBytesMax = name === 'Redis and memory tier' ? 10_000_000 : 0;
  const cache = createCache({ ...options, store, memoryBytesMax, deadlineMs: 20_000, log: false });
  onTestFinished(() => cache.close());
  if (memoryBytesMax > 0) await expect.poll(() => cache.memory?.isCoherent).toBe(true);
  return cache;
}

export interface Answer {
  /** As a client receives it: the JSON, with data and errors. */
  readonly json: unknown;
  readonly data: unknown;
  readonly errors: readonly string[];
  /** The states of the cached fields, such as `miss hit`. */
  readonly states: string;
  /** Why values were not stored. */
  readonly notStored: readonly string[];
}

/** An operation with variables. */
export interface Operation {
  readonly text: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Executes an operation as a request of its own. */
export async function ask(schema: GraphQLSchema, operation: string | Operation, context: object = {}): Promise<Answer> {
  const { text, variables: variableValues } = typeof operation === 'string' ? { text: operation } : operation;
  const document = parse(text);
  const faults = validate(schema, document);
  if (faults.length > 0) throw new Error(faults.join('\n'));
  const contextValue = { ...context };
  const result: ExecutionResult = await execute({ schema, document, contextValue, variableValues });
  const rows = cacheReportOf(contextValue)?.fields ?? [];
  const json = JSON.parse(JSON.stringify(result)) as { data?: unknown; errors?: { message: string }[] };
  return {
    json,
    data: json.data,
    errors: (json.errors ?? []).map(({ message }) => message),
    states: rows.map(({ state }) => state).join(' '),
    notStored: rows.flatMap((row) => (row.notStored === undefined ? [] : [row.notStored])),
  };
}

/**
 * Expects each answer of the schema with a cache to equal that without one: on the miss, and on the two hits after it.
 *
 * @returns The states of the last answer to each operation.
 */
export async function expectSameAnswers(
  schemas: { readonly cached: GraphQLSchema; readonly uncached: GraphQLSchema },
  operations: readonly (string | Operation)[],
  context: object = {},
): Promise<readonly string[]> {
  const states = [];
  for (const operation of operations) {
    const expected = await ask(schemas.uncached, operation, context);
    let last = '';
    for (const time of ['miss', 'hit', 'second hit']) {
      const answer = await ask(schemas.cached, operation, context);
      expect(answer.json, `${time} of ${JSON.stringify(operation)}`).toEqual(expected.json);
      last = answer.states;
    }
    states.push(last);
  }
  return states;
}
