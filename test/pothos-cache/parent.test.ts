// Cached fields that stand on a parent: two parents never share an entry.
import { execute, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { newSchema, type SchemaWorld } from './world.ts';

interface Parent {
  readonly id?: unknown;
  readonly sku?: string;
}

const cache = { ttl: '60s', scope: 'public' } as const;

/** `parents` gives these, each with a cached field `n` that counts its loads. */
async function newFamily(
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
    ['texts', ['1', '2']],
    ['bigints', [1n, 2n]],
    ['a number and its text', [1, '1']],
    ['0, the empty text and minus', [0, '', -1]],
  ])('has an entry of its own for each parent, where ids are %s', async (_, ids) => {
    const { run } = await newFamily(ids.map((id) => ({ id })));
    const first = ids.map((_id, index) => ({ n: index + 1 }));
    expect((await run(text)).data).toEqual({ parents: first });
    const { data, rows } = await run(text);
    expect(data).toEqual({ parents: first });
    expect(rows.map(({ state }) => state)).toEqual(ids.map(() => 'hit'));
    expect(new Set(rows.map(({ key }) => key)).size).toBe(ids.length);
    expect(rows[0]?.key).toMatch(/^shop:[0-9a-f]{6}:Item:n:[\w-]{22}$/);
  });

  it('is one load for one parent that is met twice', async () => {
    const { run } = await newFamily([{ id: 1 }, { id: 1 }]);
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }, { n: 1 }] }, states: 'miss shared' });
  });

  it.each([[undefined], [null], [true], [{}], [Number.NaN], [() => 1]])(
    'is answered uncached, and says so, where the parent’s id is %s',
    async (id) => {
      const { run, trace } = await newFamily([{ id }, { id }]);
      expect((await run(text)).data).toEqual({ parents: [{ n: 1 }, { n: 2 }] });
      expect(await run(text)).toMatchObject({ data: { parents: [{ n: 3 }, { n: 4 }] }, rows: [] });
      expect(trace.text).toBe('uncached×4');
      expect(trace.events[0]).toMatchObject({
        field: 'Item.n',
        error: { code: 'INVALID_KEY', message: expect.stringContaining('Item.n: the parent needs an id') as string },
      });
    },
  );

  it('takes the identity that parentId gives', async () => {
    const { run } = await newFamily([{ sku: 'a' }, { sku: 'b' }, { sku: 'a' }], ({ sku }) => sku ?? '');
    expect((await run(text)).data).toEqual({ parents: [{ n: 1 }, { n: 2 }, { n: 1 }] });
  });

  it('is answered uncached where parentId throws', async () => {
    const { run, trace } = await newFamily([{ id: 1 }], () => {
      throw new Error('no sku');
    });
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }] }, errors: [] });
    expect(trace.events[0]).toMatchObject({ type: 'uncached', error: { message: 'no sku' } });
  });

  it('is answered uncached where parentId is asynchronous, also where it rejects', async () => {
    const noSku = (): string => Promise.reject(new Error('no sku')) as unknown as string;
    const { run, trace } = await newFamily([{ id: 1 }], noSku);
    expect(await run(text)).toMatchObject({ data: { parents: [{ n: 1 }] }, errors: [] });
    const message = 'Item.n: the parent needs an id (text, number or bigint), got a promise';
    expect(trace.events[0]).toMatchObject({ type: 'uncached', error: { message } });
  });

  it('is never shared by two types, though their ids are equal', async () => {
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
  /** `value` reads its parent; `here` leads to Query again, with a parent. */
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

  it.each([{}, Object.create(null), true])('is cached below a parent that has nothing: %j', async (here) => {
    const { run } = await newRoot(here);
    await run('{ value }');
    expect((await run('{ here { value } }')).states).toBe('hit');
  });

  it('is answered uncached below a parent that is false', async () => {
    const { run, trace } = await newRoot(false);
    await run('{ value }');
    trace.take();
    await run('{ here { value } }');
    expect(trace.text).toBe('uncached');
  });

  it.each<[string, (schema: SchemaWorld['schema'], who: string) => unknown]>([
    ['a root value', (schema, who) => execute({ schema, document: parse('{ value }'), rootValue: { who } })],
    [
      'a root value of a class',
      (schema, who) => execute({ schema, document: parse('{ value }'), rootValue: new Asked(who) }),
    ],
  ])('is answered uncached, and says so, where it is given %s', async (_, ask) => {
    const { schema, run, trace } = await newRoot({});
    await run('{ value }');
    trace.take();
    for (const who of ['ALICE', 'BOB']) expect(await ask(schema, who)).toEqual({ data: { value: who } });
    expect(trace.text).toBe('uncached×2');
    expect(trace.events.at(-1)).toMatchObject({
      error: {
        message: 'Query.value: it is given a parent (or rootValue) that its key does not contain: set cache.parentId',
      },
    });
  });

  it('is answered uncached below an object that carries something', async () => {
    const { run } = await newRoot({ who: 'ALICE' });
    await run('{ value }');
    expect(await run('{ here { value } }')).toMatchObject({ data: { here: { value: 'ALICE' } }, rows: [] });
  });

  it('is cached by the identity that parentId gives', async () => {
    const { schema } = await newRoot({}, ({ who }) => who ?? '');
    for (const who of ['ALICE', 'BOB', 'ALICE']) {
      const contextValue = {};
      const result = await execute({ schema, document: parse('{ value }'), rootValue: { who }, contextValue });
      expect(result).toEqual({ data: { value: who } });
    }
  });
});

class Asked {
  readonly #who: string;

  constructor(who: string) {
    this.#who = who;
  }

  get who(): string {
    return this.#who;
  }
}

describe('a cached field of an interface', () => {
  it('is cached on each type that has it from there, by type and id', async () => {
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

it('resolves the children of a cached value on every request, from equal values', async () => {
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
