// `selection: true`: the key contains the selection, and `info` shows only what the key contains.
import { execute, getArgumentValues, Kind, parse, print, type GraphQLResolveInfo, versionInfo } from 'graphql';
import { describe, expect, it } from 'vitest';
import { times, tick } from '../cache/world.ts';
import { newSchema, type SchemaWorld } from './world.ts';

const cache = { ttl: '60s', scope: 'public', selection: true } as const;

/** Returned by `read` to make the field null instead of a row. */
const nothing = Symbol('nothing');

interface Item {
  readonly id: number;
}

interface Shop extends SchemaWorld {
  /** The selections that resolvers have received, one for each load. */
  readonly seen: string[];
}

/** Resolvers record the selection that they receive, and pass `info` to `read`. */
async function newShop(read: (info: GraphQLResolveInfo) => unknown = () => undefined): Promise<Shop> {
  const seen: string[] = [];
  const world = await newSchema((builder) => {
    builder.scalarType('Json' as never, { serialize: (value: unknown) => value as never });
    const Size = builder.enumType('Size', { values: { BIG: { value: 1 }, SMALL: { value: 2 } } as const });
    const Box = builder.inputType('Box', { fields: (t) => ({ w: t.int({ defaultValue: 7 }), tags: t.stringList() }) });
    const Named = builder.interfaceRef<Item>('Named').implement({
      resolveType: () => 'Row',
      fields: (t) => ({ name: t.string({ resolve: () => 'name' }) }),
    });
    const Row = builder.objectRef<Item>('Row');
    Row.implement({
      interfaces: [Named],
      fields: (t) => ({
        x: t.string({ resolve: () => 'X' }),
        y: t.string({ resolve: () => 'Y' }),
        self: t.field({ type: Row, resolve: (row) => row }),
        sized: t.string({
          args: {
            n: t.arg.int({ defaultValue: 1 }),
            of: t.arg.stringList(),
            size: t.arg({ type: Size }),
            box: t.arg({ type: Box }),
            json: t.arg({ type: 'Json' as never }),
          },
          resolve: () => 'sized',
        }),
      }),
    });
    const Other = builder
      .objectRef<Item>('Other')
      .implement({ fields: (t) => ({ x: t.string({ resolve: () => 'X' }) }) });
    const Either = builder.unionType('Either', { types: [Row, Other], resolveType: () => 'Row' });
    const resolve = async (
      _parent: object,
      _args: object,
      _context: object,
      info: GraphQLResolveInfo,
    ): Promise<Item | null> => {
      await tick();
      seen.push(info.fieldNodes.map((node) => print(node).replaceAll(/\s+/g, ' ')).join(' + '));
      return read(info) === nothing ? null : { id: 1 };
    };
    builder.queryFields((t) => ({
      a: t.field({ type: Row, args: { n: t.arg.int() }, cache, resolve }),
      either: t.field({ type: Either, cache, resolve }),
      named: t.field({ type: Named, cache, resolve }),
    }));
  });
  return { ...world, seen };
}

describe('a selection in the key', () => {
  it.each<[string, string, string, Record<string, unknown>?]>([
    ['the order of fields', '{ a { x y } }', '{ a { y x } }'],
    ['repeated fields', '{ a { x y } }', '{ a { x y x } a { y } }'],
    ['an alias of the field itself', '{ a { x } }', '{ b: a { x } }'],
    ['an alias that equals the name', '{ a { x } }', '{ a { x: x } }'],
    ['a fragment in place of fields', '{ a { x y } }', '{ a { x ...F } } fragment F on Row { y }'],
    [
      'nested fragments',
      '{ a { x y } }',
      '{ a { ...F } } fragment F on Row { x ...G } fragment G on Row { y ... { x } }',
    ],
    ['a fragment on an interface of its type', '{ a { x name } }', '{ a { x ... on Named { name } } }'],
    [
      'sub-selections that are merged',
      '{ a { self { x y } } }',
      '{ a { self { x } ...F } } fragment F on Row { self { y } }',
    ],
    [
      'fields that are excluded by a directive',
      '{ a { x } }',
      'query ($v: Boolean!) { a { x y @include(if: $v) z: y @skip(if: true) } }',
      { v: false },
    ],
    [
      'a fragment that is included by a directive',
      '{ a { x y } }',
      'query ($v: Boolean!) { a { x ...F @include(if: $v) } } fragment F on Row { y }',
      { v: true },
    ],
    ['a variable in place of a literal', '{ a { sized(n: 5) } }', 'query ($n: Int) { a { sized(n: $n) } }', { n: 5 }],
    ['a default value that is omitted', '{ a { sized } }', '{ a { sized(n: 1) } }'],
    ['the default value of a variable', '{ a { sized(n: 3) } }', 'query ($n: Int = 3) { a { sized(n: $n) } }'],
    [
      'a variable in a list',
      '{ a { sized(of: ["p", "q"]) } }',
      'query ($q: String!) { a { sized(of: ["p", $q]) } }',
      { q: 'q' },
    ],
    ['the order of arguments', '{ a { sized(n: 2, size: BIG) } }', '{ a { sized(size: BIG, n: 2) } }'],
    [
      'a default in an input object that is omitted',
      '{ a { sized(box: { w: 7 }) } }',
      'query ($b: Box) { a { sized(box: $b) } }',
      { b: {} },
    ],
    [
      'a custom scalar in a variable',
      '{ a { sized(json: { k: [1] }) } }',
      'query ($j: Json) { a { sized(json: $j) } }',
      { j: { k: [1] } },
    ],
    ['a directive @cache', '{ a { x } }', '{ a { x @cache(mode: BYPASS) } }'],
    ['a directive @cache on the query', '{ a { x } }', 'query @cache(mode: USE) { a { x } }'],
    [
      'fragments on a type of a union',
      '{ either { ... on Row { x y } } }',
      '{ either { ... on Row { y } ...F } } fragment F on Row { x }',
    ],
    [
      'the names of the operation and its variables',
      'query P($n: Int) { a { sized(n: $n) } }',
      'query Q($m: Int) { a { sized(n: $m) } }',
      { n: 4, m: 4 },
    ],
  ])('is the same regardless of %s', async (_, text, other, variables = {}) => {
    const { run, seen } = await newShop();
    const first = await run(text, pick(text, variables));
    expect([first.errors, first.states]).toEqual([[], 'miss']);
    expect((await run(other, pick(other, variables))).states).toMatch(/^hit( |$)/);
    expect(seen).toHaveLength(1);
  });

  it.each<[string, string, string, Record<string, unknown>?, Record<string, unknown>?]>([
    ['more fields are selected', '{ a { x } }', '{ a { x y } }'],
    ['fewer fields are selected', '{ a { x y } }', '{ a { x } }'],
    ['the fields are nested', '{ a { x } }', '{ a { self { x } } }'],
    ['an alias in the selection differs', '{ a { x } }', '{ a { z: x } }'],
    ['two aliases are swapped', '{ a { p: x q: y } }', '{ a { q: x p: y } }'],
    ['an argument differs', '{ a { sized(n: 1) } }', '{ a { sized(n: 2) } }'],
    ['an argument is null instead of absent', '{ a { sized(of: null) } }', '{ a { sized } }'],
    ['a string contains the syntax of a list', '{ a { sized(of: ["1"]) } }', '{ a { sized(of: ["1\\", \\"2"]) } }'],
    ['an enum value differs', '{ a { sized(size: BIG) } }', '{ a { sized(size: SMALL) } }'],
    [
      'a variable differs',
      'query ($n: Int) { a { sized(n: $n) } }',
      'query ($n: Int) { a { sized(n: $n) } }',
      { n: 1 },
      { n: 2 },
    ],
    [
      'a custom scalar differs',
      'query ($j: Json) { a { sized(json: $j) } }',
      'query ($j: Json) { a { sized(json: $j) } }',
      { j: { k: 1 } },
      { j: { k: '1' } },
    ],
    [
      'the condition of a directive differs',
      'query ($v: Boolean!) { a { x y @include(if: $v) } }',
      'query ($v: Boolean!) { a { x y @include(if: $v) } }',
      { v: true },
      { v: false },
    ],
    ['an argument of the field itself differs', '{ a(n: 1) { x } }', '{ a(n: 2) { x } }'],
    ['the selected type of a union differs', '{ either { ... on Row { x } } }', '{ either { ... on Other { x } } }'],
    ['__typename is selected', '{ a { x } }', '{ a { x __typename } }'],
    [
      'a fragment of the same name has another body',
      '{ a { ...F } } fragment F on Row { x }',
      '{ a { ...F } } fragment F on Row { y }',
    ],
  ])('is different if %s', async (_, text, other, variables = {}, otherVariables = variables) => {
    const { run, seen } = await newShop();
    expect((await run(text, variables)).states).toBe('miss');
    expect(await run(other, otherVariables)).toMatchObject({ states: 'miss', errors: [] });
    expect(seen).toHaveLength(2);
    expect((await run(text, variables)).states).toBe('hit');
  });

  it('leads to one load for each selection of concurrent requests', async () => {
    const { run, seen } = await newShop();
    const texts = times(20, (index) => (index % 2 === 0 ? '{ a { x } }' : '{ a { x y } }'));
    await Promise.all(texts.map((text) => run(text)));
    expect(seen).toHaveLength(2);
    expect(new Set(seen)).toEqual(new Set(['a { x }', 'a { x y }']));
  });

  it('is the same with @cache(mode: REFRESH), so that the next request is a hit', async () => {
    const { run } = await newShop();
    await run('{ a @cache(mode: REFRESH) { x } }');
    expect((await run('{ a { x } }')).states).toBe('hit');
  });

  it('is not computed for fragments that expand beyond 10,000 fields: the field is uncached', async () => {
    const { schema, trace } = await newShop(() => nothing);
    const fragments = times(30, (n) => `fragment F${n} on Row { p: self { ...F${n + 1} } q: self { ...F${n + 1} } }`);
    const text = `{ a { ...F0 } } ${fragments.join(' ')} fragment F30 on Row { x }`;
    // Not validated: the validation rule for fields that can be merged would itself take too long.
    expect(await execute({ schema, document: parse(text) })).toEqual({ data: { a: null } });
    expect(trace.events).toMatchObject([
      { type: 'uncached', field: 'Query.a', error: { message: 'Query.a: the selection has more than 10000 fields' } },
    ]);
  });
});

describe('what `info` shows', () => {
  it('is the canonical selection, without the fragments, directives and variables of the request', async () => {
    const { run, seen } = await newShop(({ fragments, variableValues }) => [fragments, { ...variableValues }]);
    await run(
      'query ($n: Int, $v: Boolean!) { b: a(n: $n) { y ...F x @skip(if: $v) } } fragment F on Row { sized(n: $n) name }',
      { n: 3, v: true },
    );
    expect(seen).toEqual(['a(n: 3) { name sized(n: 3) y }']);
  });

  it('lets libraries read the arguments of selected fields, whatever their types', async () => {
    const values: unknown[] = [];
    const { run } = await newShop((info) => {
      const [node] = info.fieldNodes;
      const [sized] = node?.selectionSet?.selections ?? [];
      const type = info.schema.getType('Row') as unknown as { getFields(): Record<string, never> };
      const field = type.getFields()['sized'];
      if (sized?.kind === Kind.FIELD && field !== undefined) {
        values.push(getArgumentValues(field, sized, info.variableValues));
      }
      return undefined;
    });
    await run('query ($j: Json, $s: Size) { a { sized(json: $j, size: $s, box: { tags: "t" }) } }', {
      j: { k: [1] },
      s: 'SMALL',
    });
    expect(JSON.parse(JSON.stringify(values))).toEqual([
      { n: 1, json: { k: [1] }, size: 2, box: { w: 7, tags: ['t'] } },
    ]);
  });

  it.each<[string, (info: GraphQLResolveInfo) => unknown]>([
    ['the operation', ({ operation }) => operation.name?.value],
    ['a variable under its name in the request', ({ variableValues }) => coercedIn(variableValues)['n']],
    ['the root value', (info) => info.rootValue],
  ])('does not include %s: a value whose load reads it is not stored', async (_, read) => {
    const { run, trace } = await newShop(read);
    for (const n of [1, 2]) await run('query P($n: Int) { a { x sized(n: $n) } }', { n });
    expect(trace.count('write')).toBe(0);
    expect(trace.text).toContain('write-refused(reads-selection)');
  });

  it('has a path that does not contain the alias', async () => {
    const paths: unknown[] = [];
    const { run } = await newShop(({ path }) => void paths.push(path.key));
    await run('{ p: a { x } }');
    expect(await run('{ q: a { x } }')).toMatchObject({ states: 'hit' });
    expect(paths).toEqual(['Query.a:selection']);
  });
});

describe('a cached field below one that was loaded for a selection', () => {
  /** `a` loads for its child the columns that are selected below it. */
  async function newParentWithChild(childOptions: { selection?: boolean }): Promise<SchemaWorld> {
    return newSchema((builder) => {
      interface Child {
        readonly columns: string;
      }
      const ChildRef = builder.objectRef<Child>('Child').implement({
        fields: (t) => ({
          columns: t.exposeString('columns'),
          x: t.string({ resolve: ({ columns }) => (columns.includes('x') ? 'X' : null), nullable: true }),
          y: t.string({ resolve: ({ columns }) => (columns.includes('y') ? 'Y' : null), nullable: true }),
        }),
      });
      const Parent = builder.objectRef<{ id: number; child: Child }>('Parent').implement({
        fields: (t) => ({
          other: t.string({ resolve: () => 'other' }),
          child: t.field({
            type: ChildRef,
            cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id, ...childOptions },
            resolve: ({ child }) => child,
          }),
        }),
      });
      builder.queryField('a', (t) =>
        t.field({
          type: Parent,
          cache,
          resolve: (_parent, _args, _context, { fieldNodes }) => ({
            id: 1,
            child: { columns: fieldNodes.map((node) => print(node)).join() },
          }),
        }),
      );
    });
  }

  it('is not stored, because its parent contains only the fields of one selection', async () => {
    const { run, trace } = await newParentWithChild({});
    expect((await run('{ a { child { x } } }')).data).toEqual({ a: { child: { x: 'X' } } });
    expect((await run('{ a { child { x y } } }')).data).toEqual({ a: { child: { x: 'X', y: 'Y' } } });
    expect(trace.events.filter(({ type }) => type === 'write-refused')).toMatchObject([
      { field: 'Parent.child', reason: 'reads-selection', what: 'Query.a' },
      { field: 'Parent.child', reason: 'reads-selection', what: 'Query.a' },
    ]);
  });

  it('has one entry for each selection of its parent if its own key contains the selection', async () => {
    const { run } = await newParentWithChild({ selection: true });
    const alone = '{ a { child { columns } } }';
    const beside = '{ a { other child { columns } } }';
    const columnsOf = async (text: string): Promise<string> =>
      ((await run(text)).data as { a: { child: { columns: string } } }).a.child.columns;
    const seen = [await columnsOf(alone), await columnsOf(beside)];
    expect(seen.map((columns) => columns.includes('other'))).toEqual([false, true]);
    expect([await columnsOf(alone), await columnsOf(beside)]).toEqual(seen);
  });

  it('is stored if its own key contains the selection', async () => {
    const { run } = await newParentWithChild({ selection: true });
    for (const text of ['{ a { child { x } } }', '{ a { child { x y } } }']) {
      const first = await run(text);
      expect(await run(text)).toMatchObject({ states: 'hit hit', data: first.data });
    }
  });
});

/** The `variables` that `text` uses. */
function pick(text: string, variables: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => text.includes(`$${name}`)));
}

/** The values of a request's variables. GraphQL.js 17 keeps them in a separate property. */
function coercedIn(variableValues: GraphQLResolveInfo['variableValues']): Record<string, unknown> {
  return versionInfo.major < 17 ? variableValues : (variableValues['coerced'] as Record<string, unknown>);
}
