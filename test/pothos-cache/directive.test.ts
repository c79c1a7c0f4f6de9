// The directive `@cache(mode:)` in a request.
import { describe, expect, it } from 'vitest';
import { newSchema, type SchemaWorld } from './world.ts';

interface CountingWorld extends SchemaWorld {
  readonly loads: () => number;
}

async function newCountingSchema(): Promise<CountingWorld> {
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
  });
  return { ...world, loads: () => loads };
}

describe('@cache', () => {
  it.each([
    ['with a literal', '{ n @cache(mode: MODE) }', {}],
    ['with a variable', 'query ($m: CacheMode!) { n @cache(mode: $m) }', { m: 'MODE' }],
    ['with the default of a variable', 'query ($m: CacheMode! = MODE) { n @cache(mode: $m) }', {}],
    ['on a field in a fragment', '{ ...F } fragment F on Query { n @cache(mode: MODE) }', {}],
    ['on an aliased field', '{ n: n @cache(mode: MODE) }', {}],
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
