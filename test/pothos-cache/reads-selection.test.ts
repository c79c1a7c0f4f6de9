// Resolvers that read `info`: a value that depends on the selection is for its own request only.
import { execute, Kind, parse, type GraphQLResolveInfo, type GraphQLSchema } from 'graphql';
import { describe, expect, it } from 'vitest';
import type { FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { times, tick } from '../cache/world.ts';
import { newSchema, type SchemaWorld } from './world.ts';

const cache = { ttl: '60s', scope: 'public' } as const;
const refused = 'write-refused(reads-selection)';

interface Row {
  readonly id: number;
  readonly x?: string;
  readonly y?: string;
}

type Read = (info: GraphQLResolveInfo) => unknown;

/** `a` loads only the columns that `read` returns, or all columns if it returns no list. */
async function newShop(read: Read, options: Partial<FieldCacheOptions> = {}): Promise<SchemaWorld> {
  return newSchema((builder) => {
    const Row = builder.objectRef<Row>('Row').implement({
      fields: (t) => ({ id: t.exposeInt('id'), x: t.exposeString('x'), y: t.exposeString('y') }),
    });
    builder.queryField('a', (t) =>
      t.field({
        type: Row,
        args: { n: t.arg.int() },
        cache: { ...cache, ...options },
        resolve: async (_parent, _args, _context, info) => {
          const columns = await read(info);
          const isSelected = (name: string): boolean => !Array.isArray(columns) || columns.includes(name);
          return { id: 1, ...(isSelected('x') ? { x: 'X' } : {}), ...(isSelected('y') ? { y: 'Y' } : {}) };
        },
      }),
    );
  });
}

function selectedIn({ fieldNodes }: Pick<GraphQLResolveInfo, 'fieldNodes'>): string[] {
  const selections = fieldNodes.flatMap(({ selectionSet }) => selectionSet?.selections ?? []);
  return selections.flatMap((one) => (one.kind === Kind.FIELD ? [one.name.value] : []));
}

describe('a cached field whose resolver reads the selection', () => {
  it.each<[string, Read, string]>([
    ['info.fieldNodes', selectedIn, 'info.fieldNodes'],
    ['fieldNodes by destructuring', ({ fieldNodes }) => selectedIn({ fieldNodes }), 'info.fieldNodes'],
    ['fieldNodes in a copy', (info) => selectedIn({ ...info }), 'info.fieldNodes'],
    ['fieldNodes in an assigned copy', (info) => selectedIn(Object.assign({}, info)), 'info.fieldNodes'],
    [
      'fieldNodes through an inheriting object',
      (info) => selectedIn(Object.create(info) as typeof info),
      'info.fieldNodes',
    ],
    [
      'fieldNodes by its descriptor',
      (info) => selectedIn({ fieldNodes: Object.getOwnPropertyDescriptor(info, 'fieldNodes')?.value as never }),
      'info.fieldNodes',
    ],
    [
      'fieldNodes among all entries',
      (info) => selectedIn(Object.fromEntries(Object.entries(info)) as never),
      'info.fieldNodes',
    ],
    [
      'fieldNodes by Reflect.get',
      (info) => selectedIn({ fieldNodes: Reflect.get(info, 'fieldNodes') }),
      'info.fieldNodes',
    ],
    ['fieldNodes in a later tick', async (info) => (await tick(), await tick(), selectedIn(info)), 'info.fieldNodes'],
    [
      'fieldNodes in a callback',
      (info) => new Promise((resolve) => setImmediate(() => resolve(selectedIn(info)))),
      'info.fieldNodes',
    ],
  ])('is loaded by every request and emits `write-refused` if it reads %s', async (_, read, what) => {
    const { run, trace } = await newShop(read);
    for (const [text, a] of [
      ['{ a { x } }', { x: 'X' }],
      ['{ a { x y } }', { x: 'X', y: 'Y' }],
      ['{ a { x } }', { x: 'X' }],
    ] as const) {
      const { data, states } = await run(text);
      expect({ data, states }).toEqual({ data: { a }, states: 'miss' });
    }
    expect(trace.text).toBe(times(3, () => `load ${refused} miss`).join(' '));
    expect(trace.events[1]).toMatchObject({ field: 'Query.a', what });
  });

  it.each<[string, Read]>([
    ['info.fragments', ({ fragments }) => Object.keys(fragments)],
    ['info.operation', ({ operation }) => void operation.name],
    ['info.variableValues', ({ variableValues }) => void variableValues['n']],
    ['info.path', ({ path }) => void path.key],
    ['info.rootValue', ({ rootValue }) => void rootValue],
  ])('is loaded by every request and emits `write-refused` if it reads %s', async (what, read) => {
    const { run, trace } = await newShop(read);
    for (const text of ['{ a { x } }', '{ b: a { x y } }']) expect((await run(text)).states).toBe('miss');
    expect(trace.text).toBe(times(2, () => `load ${refused} miss`).join(' '));
    expect(trace.events[1]).toMatchObject({ field: 'Query.a', what });
  });

  it('returns to each concurrent request the columns that it selects, and is not stored', async () => {
    const { run, trace } = await newShop(async (info) => (await tick(), selectedIn(info)));
    const texts = times(10, (index) => (index % 2 === 0 ? '{ a { x } }' : '{ a { x y } }'));
    const results = await Promise.all(texts.map((text) => run(text)));
    expect(results.map(({ data }) => data)).toEqual(
      texts.map((text) => ({ a: text.includes('y') ? { x: 'X', y: 'Y' } : { x: 'X' } })),
    );
    expect(trace.count('write')).toBe(0);
  });

  it('returns its error only to the request whose load failed', async () => {
    const { run } = await newShop(async (info) => {
      await tick();
      if (!selectedIn(info).includes('y')) throw new Error('no y');
      return ['x', 'y'];
    });
    const results = await Promise.all(['{ a { x } }', '{ a { x y } }'].map((text) => run(text)));
    expect(results.map(({ errors }) => errors)).toEqual([['no y'], []]);
  });

  it('is not stored by @cache(mode: REFRESH)', async () => {
    const { run, trace } = await newShop(selectedIn);
    await run('{ a @cache(mode: REFRESH) { x } }');
    expect((await run('{ a { x y } }')).data).toEqual({ a: { x: 'X', y: 'Y' } });
    expect(trace.count('write')).toBe(0);
  });

  it('keeps an inner fetch whose load reads the selection from being stored', async () => {
    const world: SchemaWorld = await newShop(async (info) => {
      const engine = world.cache;
      const policy = { ttlMs: 60_000, tags: [] };
      return engine.fetch(engine.key({ field: 'columns' }), policy, () => selectedIn(info));
    });
    await world.run('{ a { x } }');
    expect((await world.run('{ a { x y } }')).data).toEqual({ a: { x: 'X', y: 'Y' } });
    expect(world.trace.count('write')).toBe(0);
  });

  it.each<[string, Read]>([
    ['nothing of info', () => undefined],
    [
      'the names of the field and its types',
      (info) => void [info.fieldName, info.parentType.name, String(info.returnType)],
    ],
    ['the schema', ({ schema }) => void schema.getTypeMap()],
    [
      'properties that do not exist',
      (info) => void [(info as { cacheControl?: unknown }).cacheControl, 'toJSON' in info],
    ],
    ['a property that it has assigned', (info) => void Object.assign(info, { fieldName: 'b' }).fieldName],
  ])('is stored if it reads %s', async (_, read) => {
    const { run } = await newShop(read);
    await run('{ a { x } }');
    expect(await run('{ b: a { x y } }')).toMatchObject({ states: 'hit', data: { b: { x: 'X', y: 'Y' } } });
  });
});

describe('a cached field whose resolver executes another operation', () => {
  /** `outer` returns the JSON of an operation on `columns`, which reads its selection. */
  async function newNested(selection: boolean): Promise<SchemaWorld> {
    const nested: { schema?: GraphQLSchema } = {};
    const world = await newSchema((builder) => {
      builder.queryFields((t) => ({
        columns: t.string({
          cache: { ...cache, selection },
          resolve: (_parent, _args, _context, info) => selectedIn(info).join(),
        }),
        outer: t.string({
          cache,
          resolve: async (_parent, _args, contextValue) => {
            await tick();
            if (nested.schema === undefined) throw new Error('no schema');
            const document = parse('{ columns }');
            return JSON.stringify(await execute({ schema: nested.schema, document, contextValue }));
          },
        }),
      }));
    });
    nested.schema = world.schema;
    return world;
  }

  it('is stored if the key of the inner field contains the selection', async () => {
    const { run } = await newNested(true);
    await run('{ outer }');
    expect((await run('{ outer }')).states).toBe('hit');
  });

  it('is shared by concurrent requests even if the inner field reads its selection', async () => {
    const { run, trace } = await newNested(false);
    await Promise.all(times(5, () => run('{ outer }')));
    expect(trace.count('shared')).toBe(4);
  });
});
