// The directive `@cache(mode:)` in a request, on fields and on the query.
import { PothosSchemaError } from '@pothos/core';
import { DirectiveLocation, execute, GraphQLDirective, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { cacheReportOf } from '../../src/pothos-cache/index.ts';
import { newBuilder, newSchema, type SchemaWorld } from './world.ts';

interface CountingWorld extends SchemaWorld {
  readonly loads: () => number;
}

async function newCountingSchema(options: Parameters<typeof newSchema>[1] = {}): Promise<CountingWorld> {
  let loads = 0;
  const world = await newSchema((builder) => {
    builder.queryField('n', (t) => t.int({ cache: { ttl: '60s', scope: 'public' }, resolve: () => (loads += 1) }));
    builder.queryField('plain', (t) => t.int({ resolve: () => 0 }));
    const Payload = builder.objectRef<{ id: number }>('Payload').implement({
      fields: (t) => ({
        n: t.int({ cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id }, resolve: () => (loads += 1) }),
      }),
    });
    builder.queryField('payload', (t) => t.field({ type: Payload, resolve: () => ({ id: 1 }) }));
    builder.mutationType({ fields: (t) => ({ write: t.field({ type: Payload, resolve: () => ({ id: 1 }) }) }) });
  }, options);
  return { ...world, loads: () => loads };
}

describe('@cache', () => {
  it.each([
    ['with a literal', '{ n @cache(mode: MODE) }', {}],
    ['with a variable', 'query ($m: CacheMode!) { n @cache(mode: $m) }', { m: 'MODE' }],
    ['with the default of a variable', 'query ($m: CacheMode! = MODE) { n @cache(mode: $m) }', {}],
    ['on a field in a fragment', '{ ...F } fragment F on Query { n @cache(mode: MODE) }', {}],
    ['on an aliased field', '{ n: n @cache(mode: MODE) }', {}],
    ['on the query', 'query @cache(mode: MODE) { n }', {}],
    ['on the query, with a variable', 'query ($m: CacheMode!) @cache(mode: $m) { n }', { m: 'MODE' }],
    ['on the query, with the default of a variable', 'query ($m: CacheMode! = MODE) @cache(mode: $m) { n }', {}],
    ['on the query, for a field in a fragment', 'query @cache(mode: MODE) { ...F } fragment F on Query { n }', {}],
    ['on the query, for a field with another directive', 'query @cache(mode: MODE) { n @include(if: true) }', {}],
  ])('takes effect %s', async (_, text, variables) => {
    const { run } = await newCountingSchema();
    const runWith = (mode: string): ReturnType<typeof run> =>
      run(text.replaceAll('MODE', mode), JSON.parse(JSON.stringify(variables).replaceAll('MODE', mode)));
    expect(await run('{ n }')).toMatchObject({ data: { n: 1 }, states: 'miss' });
    expect(await runWith('BYPASS')).toMatchObject({ data: { n: 2 }, states: 'bypass' });
    expect(await run('{ n }')).toMatchObject({ data: { n: 1 }, states: 'hit' });
    expect(await runWith('REFRESH')).toMatchObject({ data: { n: 3 }, states: 'refresh' });
    expect(await runWith('USE')).toMatchObject({ data: { n: 3 }, states: 'hit' });
  });

  it('defaults to mode USE', async () => {
    const { run } = await newCountingSchema();
    expect((await run('{ n @cache }')).states).toBe('miss');
    expect((await run('{ n @cache }')).states).toBe('hit');
  });

  it('prefers BYPASS to REFRESH, and REFRESH to USE, if a field is selected more than once', async () => {
    const { run } = await newCountingSchema();
    await run('{ n }');
    expect((await run('{ n n @cache(mode: BYPASS) }')).states).toBe('bypass');
    expect((await run('{ n @cache(mode: BYPASS) n @cache(mode: REFRESH) }')).states).toBe('bypass');
    expect((await run('{ n @cache(mode: REFRESH) n }')).states).toBe('refresh');
  });

  it('on a query applies to all of its cached fields, except those that have one themselves', async () => {
    const { run } = await newCountingSchema();
    await run('{ n payload { n } }');
    expect((await run('query @cache(mode: BYPASS) { n payload { n } }')).states).toBe('bypass bypass');
    const text = 'query @cache(mode: BYPASS) { n payload { n @cache(mode: USE) } other: n @cache(mode: REFRESH) }';
    const { rows } = await run(text);
    expect(rows.map(({ path, state }) => `${path.join('.')}: ${state}`)).toEqual([
      'n: bypass',
      'payload.n: hit',
      'other: refresh',
    ]);
    expect((await run('query @cache(mode: REFRESH) { n @cache payload { n } }')).states).toBe('hit refresh');
  });

  it('on a query counts for each selection of a field without one of its own', async () => {
    const { run } = await newCountingSchema();
    await run('{ n }');
    expect((await run('query @cache(mode: BYPASS) { n n @cache(mode: USE) }')).states).toBe('bypass');
    expect((await run('query @cache(mode: BYPASS) { n @cache(mode: USE) n @cache }')).states).toBe('hit');
    expect((await run('query @cache(mode: REFRESH) { n n @cache(mode: BYPASS) }')).states).toBe('bypass');
  });

  it('applies to the operation that is executed, not to its neighbours', async () => {
    const { schema } = await newCountingSchema();
    const document = parse('query A @cache(mode: BYPASS) { n } query B { n }');
    const statesOf = async (operationName: string): Promise<unknown> => {
      const contextValue = {};
      await execute({ schema, document, operationName, contextValue });
      return cacheReportOf(contextValue)?.fields.map(({ state }) => state);
    };
    expect([await statesOf('B'), await statesOf('A'), await statesOf('B')]).toEqual([['miss'], ['bypass'], ['hit']]);
  });

  it.each(['mutation @cache(mode: BYPASS) { write { n } }', '{ ...F @cache(mode: BYPASS) } fragment F on Query { n }'])(
    'is rejected elsewhere: %s',
    async (text) => {
      const { run } = await newCountingSchema();
      await expect(run(text)).rejects.toThrow('Directive "@cache" may not be used on');
    },
  );

  it('is unknown if it is disabled, and has no effect on a document that is not validated', async () => {
    for (const text of ['{ n @cache(mode: BYPASS) }', 'query @cache(mode: BYPASS) { n }']) {
      const { schema } = await newCountingSchema({ directive: false });
      const document = parse(text);
      expect(validate(schema, document).map(({ message }) => message)).toEqual(['Unknown directive "@cache".']);
      for (const state of ['miss', 'hit']) {
        const contextValue = {};
        const { data } = await execute({ schema, document, contextValue });
        expect(data).toEqual({ n: 1 });
        expect(cacheReportOf(contextValue)?.fields).toMatchObject([{ state }]);
      }
    }
  });

  it('is not added to a schema that has another one: an error when the schema is built', () => {
    const builder = newBuilder();
    builder.queryType({ fields: (t) => ({ n: t.int({ resolve: () => 1 }) }) });
    const other = new GraphQLDirective({ name: 'cache', locations: [DirectiveLocation.FIELD] });
    const message = 'toSchema({ cache }): the schema has another @cache: rename it, or set directive: false';
    expect(() => builder.toSchema({ directives: [other] })).toThrow(new PothosSchemaError(message));
    expect(() => builder.toSchema({ directives: [other] })).toThrow(PothosSchemaError);
    expect(() => builder.toSchema({ directives: [other], cache: { directive: false } })).not.toThrow();
  });

  it('works together with @include and @skip', async () => {
    const { run, loads } = await newCountingSchema();
    const text = 'query ($yes: Boolean!) { a: n @include(if: $yes) b: n @skip(if: $yes) c: plain @skip(if: true) }';
    expect((await run(text, { yes: true })).data).toEqual({ a: 1 });
    expect((await run(text, { yes: false })).data).toEqual({ b: 1 });
    expect((await run('{ n @include(if: false) @cache(mode: REFRESH) plain }')).data).toEqual({ plain: 0 });
    expect(loads()).toBe(1);
  });

  it('does not affect a field that is not cached, and rejects an unknown mode', async () => {
    const { run } = await newCountingSchema();
    expect(await run('{ plain @cache(mode: BYPASS) }')).toMatchObject({ data: { plain: 0 }, rows: [] });
    await expect(run('{ n @cache(mode: OFF) }')).rejects.toThrow('Value "OFF" does not exist in "CacheMode" enum');
    expect((await run('query ($m: CacheMode!) { n @cache(mode: $m) }', { m: 'OFF' })).errors[0]).toContain('"OFF"');
  });

  it('applies to each alias separately, so that one document can compare database and cache', async () => {
    const { run } = await newCountingSchema();
    await run('{ n }');
    const { data, rows } = await run('{ database: n @cache(mode: BYPASS) cached: n }');
    expect(data).toEqual({ database: 2, cached: 1 });
    expect(rows.map(({ path, source, state }) => [path[0], source, state])).toEqual([
      ['database', 'database', 'bypass'],
      ['cached', 'cache', 'hit'],
    ]);
  });
});

it('bypasses the cache in the payload of a mutation, even with mode USE', async () => {
  // The client must see what it has just written.
  const { run } = await newCountingSchema();
  expect(await run('{ payload { n } }')).toMatchObject({ data: { payload: { n: 1 } }, states: 'miss' });
  expect(await run('mutation { write { n } }')).toMatchObject({ data: { write: { n: 2 } }, states: 'bypass' });
  expect(await run('mutation { write { n @cache(mode: USE) } }')).toMatchObject({ data: { write: { n: 3 } } });
  expect(await run('{ payload { n } }')).toMatchObject({ data: { payload: { n: 1 } }, states: 'hit' });
});

it('shares one load among the aliases of a field', async () => {
  const { run, loads } = await newCountingSchema();
  expect(await run('{ a: n b: n c: n }')).toMatchObject({ data: { a: 1, b: 1, c: 1 }, states: 'miss shared shared' });
  expect(loads()).toBe(1);
});
