// Cached fields of a parent object: two parents never share an entry.
import { execute, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { newSchema, type SchemaWorld } from './world.ts';

interface Parent {
  readonly id?: unknown;
  readonly sku?: string;
}

const cache = { ttl: '60s', scope: 'public' } as const;

/** `parents` returns these, each with a cached field `n` that returns the number of loads so far. */
async function newParents(
  parents: (Parent | null)[],
  parentId: (parent: Parent) => string | number = ({ id }) => id as number,
): Promise<SchemaWorld> {
  let loads = 0;
  return newSchema((builder) => {
    const Item = builder.objectRef<Parent>('Item').implement({
      fields: (t) => ({
        n: t.int({
          cache: { ...cache, parentId },
          resolve: () => (loads += 1),
        }),
      }),
    });
    builder.queryField('parents', (t) =>
      t.field({ type: [Item], nullable: { list: true, items: true }, resolve: () => parents }),
    );
  });
}

const text = '{ parents { n } }';

describe('a cached field on a parent', () => {
  it.each<[string, unknown[]]>([
    ['numbers', [1, 2]],
    ['strings', ['1', '2']],
    ['bigints', [1n, 2n]],
    ['a number and its string', [1, '1']],
    ['0, the empty string and -1', [0, '', -1]],
  ])('has one entry for each parent if the ids are %s', async (_, ids) => {
    const { run } = await newParents(ids.map((id) => ({ id })));
    const first = ids.map((_id, index) => ({ n: index + 1 }));
    expect((await run(text)).data).toEqual({ parents: first });
    const { data, rows } = await run(text);
    expect(data).toEqual({ parents: first });
    expect(rows.map(({ state }) => state)).toEqual(ids.map(() => 'hit'));
    expect(new Set(rows.map(({ key }) => key)).size).toBe(ids.length);
    expect(rows[0]?.key).toMatch(/^shop:[0-9a-f]{6}:Item:n:[\w-]{22}$/);
  });

  it('is loaded once for a parent that occurs twice in a list', async () => {
    const { run } = await newParents([{ id: 1 }, { id: 1 }]);
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }, { n: 1 }] }, states: 'miss shared' });
  });

  it.each([[undefined], [null], [true], [{}], [Number.NaN], [() => 1]])(
    'is resolved without the cache and emits `uncached` if the id of the parent is %s',
    async (id) => {
      const { run, trace } = await newParents([{ id }, { id }]);
      expect((await run(text)).data).toEqual({ parents: [{ n: 1 }, { n: 2 }] });
      expect(await run(text)).toMatchObject({ data: { parents: [{ n: 3 }, { n: 4 }] }, rows: [] });
      expect(trace.text).toBe('uncached×4');
      expect(trace.events[0]).toMatchObject({
        field: 'Item.n',
        error: { code: 'INVALID_KEY', message: expect.stringContaining('Item.n: the parent needs an id') as string },
      });
    },
  );

  it('uses the identity that parentId returns', async () => {
    const { run } = await newParents([{ sku: 'a' }, { sku: 'b' }, { sku: 'a' }], ({ sku }) => sku ?? '');
    expect((await run(text)).data).toEqual({ parents: [{ n: 1 }, { n: 2 }, { n: 1 }] });
  });

  it('is resolved without the cache and emits `uncached` if parentId throws', async () => {
    const { run, trace } = await newParents([{ id: 1 }], () => {
      throw new Error('no sku');
    });
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }] }, errors: [] });
    expect(trace.events[0]).toMatchObject({ type: 'uncached', error: { message: 'no sku' } });
  });

  it('is resolved without the cache and emits `uncached` if parentId returns a promise that rejects', async () => {
    const noSku = (): string => Promise.reject(new Error('no sku')) as unknown as string;
    const { run, trace } = await newParents([{ id: 1 }], noSku);
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }] }, errors: [] });
    const message = 'Item.n: the parent needs an id (text, number or bigint), got a promise';
    expect(trace.events[0]).toMatchObject({ type: 'uncached', error: { message } });
  });

  it('is not shared between two types with equal ids', async () => {
    const { run } = await newSchema((builder) => {
      const [A, B] = (['A', 'B'] as const).map((name) =>
        builder.objectRef<Parent>(name).implement({
          fields: (t) => ({
            name: t.string({ cache: { ...cache, parentId: ({ id }) => id as number }, resolve: () => name }),
          }),
        }),
      );
      if (A !== undefined) builder.queryField('a', (t) => t.field({ type: A, resolve: () => ({ id: 1 }) }));
      if (B !== undefined) builder.queryField('b', (t) => t.field({ type: B, resolve: () => ({ id: 1 }) }));
    });
    for (const _ of [1, 2]) {
      expect((await run('{ a { name } b { name } }')).data).toEqual({ a: { name: 'A' }, b: { name: 'B' } });
    }
  });
});

describe('a cached field of Query', () => {
  /** `value` reads its parent; `here` returns Query once more, with `here` as the parent of its fields. */
  const newRoot = (here: unknown, parentId?: (parent: { who?: string }) => string): Promise<SchemaWorld> =>
    newSchema((builder) => {
      builder.queryFields((t) => ({
        value: t.string({
          cache: { ...cache, ...(parentId === undefined ? {} : { parentId }) },
          resolve: (parent: { who?: string } | undefined) => parent?.who ?? 'nobody',
        }),
        here: t.field({ type: 'Query' as never, resolve: () => here as never }),
      }));
    });

  it.each<[string, unknown]>([
    ['an empty object', {}],
    ['an object without a prototype', Object.create(null)],
    ['true', true],
  ])('is cached if its parent is %s', async (_, here) => {
    const { run } = await newRoot(here);
    await run('{ value }');
    expect((await run('{ here { value } }')).states).toBe('hit');
  });

  it('is resolved without the cache and emits `uncached` if its parent is false', async () => {
    const { run, trace } = await newRoot(false);
    await run('{ value }');
    trace.take();
    await run('{ here { value } }');
    expect(trace.text).toBe('uncached');
  });

  it.each<[string, (schema: SchemaWorld['schema'], who: string) => unknown]>([
    ['a root value', (schema, who) => execute({ schema, document: parse('{ value }'), rootValue: { who } })],
    [
      'an instance of a class as root value',
      (schema, who) => execute({ schema, document: parse('{ value }'), rootValue: new RootValue(who) }),
    ],
  ])('is resolved without the cache and emits `uncached` if it receives %s', async (_, executeWith) => {
    const { schema, run, trace } = await newRoot({});
    await run('{ value }');
    trace.take();
    for (const who of ['ALICE', 'BOB']) expect(await executeWith(schema, who)).toEqual({ data: { value: who } });
    expect(trace.text).toBe('uncached×2');
    expect(trace.events.at(-1)).toMatchObject({
      error: {
        message: 'Query.value: it is given a parent (or rootValue) that its key does not contain: set parentId',
      },
    });
  });

  it('is resolved without the cache if its parent is an object with a property', async () => {
    const { run } = await newRoot({ who: 'ALICE' });
    await run('{ value }');
    expect(await run('{ here { value } }')).toMatchObject({ data: { here: { value: 'ALICE' } }, rows: [] });
  });

  it('returns a separate value for each identity that parentId returns', async () => {
    const { schema, trace } = await newRoot({}, ({ who }) => who ?? '');
    for (const who of ['ALICE', 'BOB', 'ALICE']) {
      const contextValue = {};
      const result = await execute({ schema, document: parse('{ value }'), rootValue: { who }, contextValue });
      expect(result).toEqual({ data: { value: who } });
    }
    expect(trace.text).toBe('load write miss load write miss hit');
  });
});

class RootValue {
  readonly #who: string;

  constructor(who: string) {
    this.#who = who;
  }

  get who(): string {
    return this.#who;
  }
}

describe('a cached field of an interface', () => {
  it('is cached by type and id on each type that implements the interface', async () => {
    let loads = 0;
    const { run, schema } = await newSchema((builder) => {
      const Node = builder.interfaceRef<Parent & { kind: string }>('Node').implement({
        resolveType: ({ kind }) => kind,
        fields: (t) => ({
          n: t.int({ cache: { ...cache, parentId: ({ id }) => id as number }, resolve: () => (loads += 1) }),
        }),
      });
      for (const name of ['Rose', 'Fern']) {
        builder.objectRef<Parent & { kind: string }>(name).implement({ interfaces: [Node] });
      }
      builder.queryField('nodes', (t) =>
        t.field({ type: [Node], resolve: () => ['Rose', 'Fern'].map((kind) => ({ id: 1, kind })) }),
      );
    });
    expect(schema.getType('Rose')).toBeDefined();
    expect(await run('{ nodes { n } }')).toMatchObject({ data: { nodes: [{ n: 1 }, { n: 2 }] }, states: 'miss miss' });
    const { data, rows } = await run('{ nodes { n } }');
    expect(data).toEqual({ nodes: [{ n: 1 }, { n: 2 }] });
    expect(rows.map(({ field, state }) => `${field} ${state}`)).toEqual(['Rose.n hit', 'Fern.n hit']);
  });
});

it('resolves the children of a cached value on every request, each time from an equal value', async () => {
  const seen: unknown[] = [];
  const at = new Date(5);
  const { run } = await newSchema((builder) => {
    const Row = builder.objectRef<{ id: number; at: Date; big: bigint }>('Row').implement({
      fields: (t) => ({
        text: t.string({
          resolve: (row) => {
            seen.push(row);
            return `${row.at.getTime()} ${row.big}`;
          },
        }),
      }),
    });
    builder.queryField('row', (t) => t.field({ type: Row, cache, resolve: () => ({ id: 1, at, big: 7n }) }));
  });
  for (const _ of [1, 2, 3]) expect((await run('{ row { text } }')).data).toEqual({ row: { text: '5 7' } });
  expect(seen).toStrictEqual([1, 2, 3].map(() => ({ id: 1, at, big: 7n })));
});
