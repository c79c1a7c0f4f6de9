// The context that a load in the background receives: that of the request which found the value stale.
import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { settled } from '../cache/world.ts';
import { newSchema, type Builder, type RequestContext, type SchemaWorld } from './world.ts';

const cache = { scope: 'public', ttl: '1s', stale: '5m', early: false } as const;

type Resolve = (context: RequestContext) => unknown;

/** A schema with text fields, whose resolvers receive the context. */
function newTextSchema(
  fields: Readonly<Record<string, Resolve>>,
  options: Parameters<typeof newSchema>[1] = {},
): Promise<SchemaWorld> {
  const define = (builder: Builder): void => {
    for (const [name, resolve] of Object.entries(fields)) {
      builder.queryField(name, (t) =>
        t.string({ cache, resolve: async (_parent, _args, context) => String(await resolve(context)) }),
      );
    }
  };
  return newSchema(define, options);
}

describe('the context of a load in the background', () => {
  it('has signals that never fire, and methods that still work', async () => {
    const controller = new AbortController();
    class Context {
      #name = 'Pot';
      readonly request = new Request('http://localhost/', { signal: controller.signal });
      readonly signal = controller.signal;
      readonly named = (): string => this.#name;
      name(): string {
        return this.#name;
      }
      get ownName(): string {
        return this.#name;
      }
      set ownName(name: string) {
        this.#name = name;
      }
    }
    const seen: unknown[] = [];
    const resolve = (context: RequestContext): string => {
      const own = context as Context;
      own.ownName = 'Pan';
      seen.push([own.request.signal.aborted, own.signal.aborted, own.request.url]);
      return `${own.name()} ${own.ownName} ${own.named()}`;
    };
    const world = await newTextSchema({ name: resolve }, { viewerProperties: [] });
    await world.run('{ name }', {}, new Context() as RequestContext);
    world.clock.advance(1_500);
    const context = new Context();
    const response = world.run('{ name }', {}, context as RequestContext);
    controller.abort();
    expect(await response).toMatchObject({ states: 'stale' });
    await settled(world);
    expect(seen).toEqual([
      [false, false, 'http://localhost/'],
      [false, false, 'http://localhost/'],
    ]);
    expect(await world.run('{ name }')).toMatchObject({ data: { name: 'Pan Pan Pan' }, states: 'hit' });
  });

  it('may be frozen', async () => {
    const world = await newTextSchema({ type: (context) => typeof context }, { viewerProperties: [] });
    const frozen = (): RequestContext => Object.freeze({ viewer: null, signal: new AbortController().signal });
    await world.run('{ type }', {}, frozen());
    world.clock.advance(1_500);
    expect(await world.run('{ type }', {}, frozen())).toMatchObject({ states: 'stale' });
    await settled(world);
    expect(await world.run('{ type }', {}, frozen())).toMatchObject({ data: { type: 'object' }, states: 'hit' });
  });

  it.each<[string, Resolve]>([
    ['sets and reads it', (context) => ((context.viewer = 'Ann'), context.viewer)],
    [
      'sets it through another name, and reads it',
      (context) => (Object.assign(context, { viewer: 'Ann' }), context.viewer),
    ],
    ['reads it', (context) => context.viewer],
  ])('a public field whose load in the background %s is not stored', async (_, readsViewer) => {
    let loads = 0;
    const world = await newTextSchema(
      { me: (context) => ((loads += 1) === 1 ? 'somebody' : readsViewer(context)) },
      { viewer: ({ viewer }) => viewer },
    );
    await world.run('{ me }', {}, { viewer: 'Ann' });
    world.clock.advance(1_500);
    await world.run('{ me }', {}, { viewer: 'Ann' });
    await settled(world);
    expect(loads).toBe(2);
    expect(await world.run('{ me }', {}, { viewer: 'Bob' })).toMatchObject({ states: 'miss' });
    expect(loads).toBe(3);
  });

  it('a public field that sets and reads the viewer after such a load is not stored either', async () => {
    const world = await newTextSchema(
      { other: () => 'other', me: (context) => ((context.viewer = 'Ann'), context.viewer) },
      { viewer: ({ viewer }) => viewer },
    );
    const context: RequestContext = { viewer: null };
    await world.run('{ other }');
    world.clock.advance(1_500);
    await world.run('{ other }', {}, context);
    await settled(world); // its refresh has watched the context
    await world.run('{ me }', {}, context);
    expect(await world.run('{ me }', {}, { viewer: 'Bob' })).toMatchObject({ states: 'miss' });
  });

  it('leaves a context that lasts as it is', async () => {
    const world = await newTextSchema({ stale: () => 'stale', fresh: () => 'fresh' });
    const context: RequestContext = { viewer: 'Ann' };
    const depths: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      await world.run('{ stale }', {}, context);
      await world.cache.invalidate('everything');
      await world.run('{ stale fresh }', {}, context);
      world.clock.advance(1_500);
      await world.run('{ stale fresh }', {}, context);
      await settled(world);
      depths.push(depthOf(context));
    }
    expect(new Set(depths).size).toBe(1);
  });

  it('belongs to no request, even if the cache was created in one', async () => {
    const request = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const resolve = (): string => {
      seen.push(request.getStore());
      return 'name';
    };
    const world = await request.run('first', () => newTextSchema({ name: resolve }));
    await request.run('reader', () => world.run('{ name }'));
    world.clock.advance(1_500);
    await request.run('later', () => world.run('{ name }'));
    await settled(world);
    expect(seen).toEqual(['reader', undefined]);
  });
});

it('a resolver that changes its arguments is refreshed, too', async () => {
  let loads = 0;
  const world = await newSchema((builder) => {
    builder.queryField('list', (t) =>
      t.string({
        args: { limit: t.arg.int() },
        cache,
        resolve: (_parent, args) => {
          args.limit ??= 10;
          return `${args.limit} ${(loads += 1)}`;
        },
      }),
    );
  });
  for (const expected of ['10 1', '10 2', '10 3']) {
    expect((await world.run('{ list }')).data).toEqual({ list: expected });
    world.clock.advance(1_500);
    expect((await world.run('{ list }')).states).toBe('stale');
    await settled(world);
  }
});

function depthOf(object: object): number {
  const prototype: unknown = Object.getPrototypeOf(object);
  return prototype === null ? 0 : 1 + depthOf(prototype as object);
}
