// Fields that return an expired value while it is loaded again.
import { describe, expect, it } from 'vitest';
import { advanceUntil, settled } from '../cache/world.ts';
import { newResponseCacheWorld } from './response-cache-world.ts';
import { newSchema, type RequestContext } from './world.ts';

const cache = { scope: 'public', ttl: '1s', stale: '5m', early: false } as const;

describe('a field with stale', () => {
  it('is returned after its ttl with the state stale, then as it is loaded again', async () => {
    const row = { name: 'Pot' };
    const world = await newSchema((builder) => {
      builder.queryField('name', (t) => t.string({ cache, resolve: () => row.name }));
    });
    await world.run('{ name }');
    row.name = 'Pan';
    world.clock.advance(1_500);
    const { data, rows } = await world.run('{ name }');
    expect({ data, rows }).toMatchObject({
      data: { name: 'Pot' },
      rows: [{ source: 'cache', state: 'stale', tier: 'memory', ageMs: 1_500, ttlMs: 0 }],
    });
    await settled(world);
    expect(await world.run('{ name }')).toMatchObject({ data: { name: 'Pan' }, states: 'hit' });
  });

  it('is loaded for the viewer and the variation that the value belongs to', async () => {
    let version = 'old';
    const world = await newSchema(
      (builder) => {
        builder.queryField('secret', (t) =>
          t.string({
            cache: { ...cache, scope: 'private', vary: ({ tenant }) => tenant },
            resolve: (_parent, _args, { viewer, tenant }) => `${version} secret of ${viewer} at ${tenant}`,
          }),
        );
      },
      { viewer: ({ viewer }) => viewer },
    );
    const of = (viewer: string): RequestContext => ({ viewer, tenant: 'one' });
    await world.run('{ secret }', {}, of('Ann'));
    await world.run('{ secret }', {}, of('Bob'));
    world.clock.advance(1_500);
    version = 'new';
    for (const viewer of ['Ann', 'Bob']) {
      const { data, states } = await world.run('{ secret }', {}, of(viewer));
      expect({ data, states }).toEqual({ data: { secret: `old secret of ${viewer} at one` }, states: 'stale' });
    }
    await settled(world);
    for (const viewer of ['Ann', 'Bob']) {
      const { data, states } = await world.run('{ secret }', {}, of(viewer));
      expect({ data, states }).toEqual({ data: { secret: `new secret of ${viewer} at one` }, states: 'hit' });
    }
  });

  it('a public value whose refresh reads the viewer is not stored', async () => {
    let readsViewer = false;
    const world = await newSchema(
      (builder) => {
        builder.queryField('greeting', (t) =>
          t.string({
            cache,
            resolve: (_parent, _args, context) => (readsViewer ? `hello ${context.viewer}` : 'hello'),
          }),
        );
      },
      { viewer: ({ viewer }) => viewer },
    );
    await world.run('{ greeting }', {}, { viewer: 'Ann' });
    readsViewer = true;
    world.clock.advance(1_500);
    expect(await world.run('{ greeting }', {}, { viewer: 'Ann' })).toMatchObject({ states: 'stale' });
    await settled(world);
    const { data, states } = await world.run('{ greeting }', {}, { viewer: 'Bob' });
    expect(data).toEqual({ greeting: 'hello Bob' });
    expect(states).toBe('miss'); // the value from before is removed
  });

  it('its children are resolved from the stale value', async () => {
    const world = await newSchema((builder) => {
      const Product = builder.objectRef<{ id: number; name: string }>('Product').implement({
        fields: (t) => ({
          name: t.exposeString('name', {}),
          label: t.string({
            cache: { scope: 'public', ttl: '60s', parentId: ({ id }) => id },
            resolve: ({ name }) => `label of ${name}`,
          }),
        }),
      });
      let loads = 0;
      builder.queryField('product', (t) =>
        t.field({ type: Product, cache, resolve: () => ({ id: 1, name: `Pot ${(loads += 1)}` }) }),
      );
    });
    const text = '{ product { name label } }';
    await world.run(text);
    world.clock.advance(1_500);
    expect(await world.run(text)).toMatchObject({
      data: { product: { name: 'Pot 1', label: 'label of Pot 1' } },
      states: 'stale hit',
    });
    await settled(world);
    expect((await world.run(text)).data).toMatchObject({ product: { name: 'Pot 2' } });
  });
});

it('a response with a stale value is not cached as a response', async () => {
  let loads = 0;
  const world = await newResponseCacheWorld((builder) => {
    builder.queryField('name', (t) =>
      t.string({ cache: { ...cache, ttl: '1h' }, resolve: () => `Pot ${(loads += 1)}` }),
    );
  });
  expect(await world.becomesCached('{ name }')).toBe(true);
  world.clock.stall(3_600_000);
  await advanceUntil(world.clock, 100, () => world.cache.memory?.isCoherent === true);
  const { isCached, body } = await world.ask('{ name }');
  expect(isCached).toBe(false);
  expect(body).toContain('Pot 1');
});
