// Fields whose hits are compared with their loads, and their cached responses.
import { describe, expect, it } from 'vitest';
import { differencesIn, passGrace, resultsOf } from '../cache/shadow-world.ts';
import { settled, times, type World } from '../cache/world.ts';
import { newResponseCacheWorld, type ResponseCacheWorld } from './response-cache-world.ts';
import { newSchema, type RequestContext } from './world.ts';

const cache = { scope: 'public', ttl: '60s', shadow: 1 } as const;

async function passBothGraces(world: World): Promise<void> {
  await passGrace(world);
  await passGrace(world);
}

describe('a field with shadow', () => {
  it('whose value has changed is reported with its paths', async () => {
    const row = { id: 1, name: 'Pot' };
    const world = await newSchema((builder) => {
      const Product = builder.objectRef<typeof row>('Product').implement({
        fields: (t) => ({ id: t.exposeInt('id'), name: t.exposeString('name') }),
      });
      builder.queryField('products', (t) => t.field({ type: [Product], cache, resolve: () => [{ ...row }] }));
    });
    await world.run('{ products { id } }');
    row.name = 'Pan';
    expect(await world.run('{ products { id name } }')).toMatchObject({
      data: { products: [{ id: 1, name: 'Pot' }] },
      states: 'hit',
    });
    await passBothGraces(world);
    expect(differencesIn(world)).toMatchObject([{ field: 'Query.products', paths: ['0.name'] }]);
    expect((await world.run('{ products { name } }')).data).toEqual({ products: [{ name: 'Pot' }] });
  });

  it('may get it from the defaults of the schema, and turn it off with 0', async () => {
    const world = await newSchema(
      (builder) => {
        builder.queryFields((t) => ({
          checked: t.string({ cache: { scope: 'public' }, resolve: () => 'a' }),
          unchecked: t.string({ cache: { scope: 'public', shadow: 0 }, resolve: () => 'b' }),
        }));
      },
      { defaults: { ttl: '60s', shadow: 1 } },
    );
    for (const _ of times(2, Number)) await world.run('{ checked unchecked }');
    await settled(world);
    expect(world.trace.events.filter(({ type }) => type === 'shadow-check')).toMatchObject([
      { field: 'Query.checked', result: 'equal' },
    ]);
  });

  it('has the same keys as without, so that switching it on keeps what is cached', async () => {
    const keyWith = async (shadow: number): Promise<string | undefined> => {
      const { run } = await newSchema((builder) => {
        builder.queryField('n', (t) => t.int({ cache: { ...cache, shadow }, resolve: () => 1 }));
      });
      return (await run('{ n }')).rows[0]?.key;
    };
    expect(await keyWith(1)).toBe(await keyWith(0));
  });

  it('is rejected with a share that is none', async () => {
    const build = newSchema((builder) => {
      builder.queryField('n', (t) => t.int({ cache: { ...cache, shadow: 1.5 }, resolve: () => 1 }));
    });
    await expect(build).rejects.toThrow('Query.n: cache.shadow must be a number from 0 to 1, got 1.5');
  });

  it('is loaded for the viewer and the variation that the value belongs to', async () => {
    const loadedFor: string[] = [];
    const world = await newSchema(
      (builder) => {
        builder.queryField('secret', (t) =>
          t.string({
            cache: { ...cache, scope: 'private', vary: ({ tenant }) => tenant },
            resolve: (_parent, _args, { viewer, tenant }) => {
              loadedFor.push(`${viewer} at ${tenant}`);
              return `secret of ${viewer} at ${tenant}`;
            },
          }),
        );
      },
      { viewer: ({ viewer }) => viewer },
    );
    const of = (viewer: string): RequestContext => ({ viewer, tenant: 'one' });
    for (const viewer of ['Ann', 'Bob', 'Ann', 'Bob']) await world.run('{ secret }', {}, of(viewer));
    await settled(world);
    expect(loadedFor).toEqual(['Ann at one', 'Bob at one', 'Ann at one', 'Bob at one']);
    expect(resultsOf(world)).toEqual(['equal', 'equal']);
  });

  it('of an object is loaded with its parent; one with selection, for the same selection', async () => {
    const world = await newSchema((builder) => {
      const Product = builder.objectRef<{ id: number; name: string }>('Product').implement({
        fields: (t) => ({
          name: t.exposeString('name'),
          label: t.string({
            cache: { ...cache, parentId: ({ id }) => id, selection: true },
            resolve: ({ name }) => `label of ${name}`,
          }),
        }),
      });
      builder.queryField('product', (t) =>
        t.field({
          type: Product,
          cache: { ...cache, selection: true },
          resolve: (_parent, _args, _context, { fieldNodes }) => ({
            id: 1,
            name: `Pot with ${fieldNodes[0]?.selectionSet?.selections.length} fields`,
          }),
        }),
      );
    });
    for (const _ of times(2, Number)) await world.run('{ product { name label } }');
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal', 'equal']);
  });

  it('a public value whose load reads the viewer now is not compared', async () => {
    let readsViewer = false;
    const world = await newSchema(
      (builder) => {
        builder.queryField('hello', (t) =>
          t.string({
            cache,
            resolve: (_parent, _args, context) => (readsViewer ? `hello ${context.viewer}` : 'hello'),
          }),
        );
      },
      { viewer: ({ viewer }) => viewer },
    );
    await world.run('{ hello }', {}, { viewer: 'Ann' });
    readsViewer = true;
    await world.run('{ hello }', {}, { viewer: 'Ann' });
    await passBothGraces(world);
    expect(resultsOf(world)).toEqual(['not-comparable']);
  });

  it('is loaded with the context that refreshContext returns; with another viewer, it fails', async () => {
    let viewerNow = 'Ann';
    const world = await newSchema(
      (builder) => {
        builder.queryField('secret', (t) =>
          t.string({ cache: { ...cache, scope: 'private' }, resolve: (_p, _a, { tenant }) => tenant ?? 'none' }),
        );
      },
      {
        viewer: ({ viewer }) => viewer,
        refreshContext: (context) => ({ ...context, viewer: viewerNow, tenant: 'new' }),
      },
    );
    for (const _ of times(2, Number)) await world.run('{ secret }', {}, { viewer: 'Ann', tenant: 'old' });
    await passBothGraces(world);
    expect(resultsOf(world)).toEqual(['different']);
    viewerNow = 'Bob';
    await world.run('{ secret }', {}, { viewer: 'Ann', tenant: 'old' });
    await settled(world);
    expect(resultsOf(world)).toEqual(['different', 'failed']);
  });
});

describe('a cached response', () => {
  async function newNameWorld(
    share: number,
    random: () => number,
    resolve = (): string | Promise<string> => 'Pot',
  ): Promise<ResponseCacheWorld & { loads: () => number }> {
    let loads = 0;
    const world = await newResponseCacheWorld(
      (builder) => {
        builder.queryField('name', (t) =>
          t.string({
            cache: { scope: 'public', ttl: '1h', shadow: share },
            resolve: () => {
              loads += 1;
              return resolve();
            },
          }),
        );
      },
      { random },
    );
    return { ...world, loads: () => loads };
  }

  it('is executed when one of its hits is drawn, and that hit is compared, without a second draw', async () => {
    let draw = 1;
    const world = await newNameWorld(0.5, () => draw);
    expect(await world.becomesCached('{ name }')).toBe(true);
    expect(resultsOf(world)).toEqual([]);
    const loadsBefore = world.loads();
    draw = 0.5;
    const response = world.ask('{ name }');
    draw = 1;
    expect(await response).toMatchObject({ isCached: false });
    await settled(world);
    expect(resultsOf(world)).toEqual(['equal']);
    expect(world.loads()).toBe(loadsBefore + 1);
    expect(await world.ask('{ name }')).toMatchObject({ isCached: true });
  });

  it('is not executed while its hit is being compared already', async () => {
    let draw = 1;
    const world = await newNameWorld(0.5, () => draw);
    expect(await world.becomesCached('{ name }')).toBe(true);
    draw = 0;
    expect(await world.ask('{ name }')).toMatchObject({ isCached: false });
    expect(await world.ask('{ name }')).toMatchObject({ isCached: true });
    await settled(world);
  });

  it.each<[string, () => Promise<string>, readonly number[]]>([
    ['has failed', () => Promise.reject(new Error('down')), [999]],
    ['hangs', () => new Promise(() => {}), [10_000, 10_000]],
  ])('is not executed while its field is not checked, because its load %s', async (_, fail, waitsMs) => {
    let draw = 1;
    let load = (): string | Promise<string> => 'Pot';
    const world = await newNameWorld(
      0.5,
      () => draw,
      () => load(),
    );
    expect(await world.becomesCached('{ name }')).toBe(true);
    draw = 0;
    load = fail;
    expect(await world.ask('{ name }')).toMatchObject({ isCached: false });
    for (const waitMs of waitsMs) {
      await settled(world);
      world.clock.advance(waitMs);
    }
    expect(await world.ask('{ name }')).toMatchObject({ isCached: true });
    expect(resultsOf(world)).toEqual(['failed']);
  });

  it('draws nothing without shadow', async () => {
    let draws = 0;
    const world = await newNameWorld(0, () => (draws += 1));
    expect(await world.becomesCached('{ name }')).toBe(true);
    draws = 0;
    await world.ask('{ name }');
    expect(draws).toBe(0);
  });
});
