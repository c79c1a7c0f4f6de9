// A schema with what the shop's lacks: unions, interfaces, lists of lists, custom scalars and enums, rows that fail, and
// every kind of cached field beside and below another. Its data is computed from a few numbers.
import SchemaBuilder from '@pothos/core';
import type { GraphQLSchema } from 'graphql';
import type { Cache } from '../../src/cache/index.ts';
import CachePlugin from '../../src/pothos-cache/index.ts';

/** What all data is computed from. A caller that increases `animals` or `people` must invalidate the tag of that name. */
export interface ZooState {
  animals: number;
  people: number;
  /** Changes without an invalidation: no cached value depends on it. */
  now: number;
}

/** What Yoga and the server's handler add to the context. */
interface ZooContext {
  readonly viewer: 'admin' | undefined;
  readonly request: Request;
}

interface Person {
  readonly kind: 'Person';
  readonly id: number;
  readonly name: string;
  readonly mood: 'calm' | 'wild';
}

interface Animal {
  readonly kind: 'Animal';
  readonly id: number;
  readonly name: string;
  readonly nick: string | null;
  readonly mood: 'calm' | 'wild';
  readonly born: Date;
  readonly atoms: bigint;
  readonly weights: readonly (readonly (number | null)[] | null)[];
  readonly labels: readonly string[];
  readonly notes: unknown;
  readonly grade: number;
  readonly owner: Person | null;
}

interface Filter {
  readonly ids?: readonly (string | number)[] | null | undefined;
  readonly mood?: 'calm' | 'wild' | null | undefined;
  readonly near?: { readonly x: number; readonly y?: number | null | undefined } | null | undefined;
}

function person(id: number, { people }: ZooState): Person {
  return { kind: 'Person', id, name: `person ${id} v${people}`, mood: id % 2 === 0 ? 'calm' : 'wild' };
}

function animal(id: number, state: ZooState): Animal {
  const { animals } = state;
  return {
    kind: 'Animal',
    id,
    name: `änimal ${id} "v${animals}"`,
    nick: id % 3 === 0 ? null : `nick\u2028${id}`,
    mood: (id + animals) % 2 === 0 ? 'calm' : 'wild',
    born: new Date(86_400_000 * (id + animals)),
    atoms: 2n ** 64n + BigInt(animals),
    weights: [[id + 0.5, null], id % 2 === 0 ? null : [], [1e21, -0]],
    labels: id % 2 === 0 ? [] : ['a', 'b'],
    notes: { b: animals, a: [null, { c: 'é' }], 2: 1, 1: 2 },
    grade: id % 4,
    owner: id % 3 === 1 ? null : person(id, state),
  };
}

export function createZooSchema(engine: Cache, state: ZooState): GraphQLSchema {
  const builder = new SchemaBuilder<{
    Context: ZooContext;
    Scalars: {
      Day: { Input: Date; Output: Date };
      Big: { Input: bigint; Output: bigint };
      Json: { Input: unknown; Output: unknown };
      Grade: { Input: number; Output: number };
    };
  }>({ plugins: [CachePlugin] });
  const animals = { scope: 'public', ttl: '1h', tags: ['animals'] } as const;
  const both = { scope: 'public', ttl: '5h', tags: ['animals', 'people'] } as const;
  const some = (count: number, from = 1): Animal[] =>
    Array.from({ length: count }, (_, at) => animal(from + at, state));

  builder.scalarType('Day', {
    serialize: (day) => new Date(day).toISOString(),
    parseValue: (text) => new Date(String(text)),
  });
  builder.scalarType('Big', { serialize: String, parseValue: (text) => BigInt(String(text)) });
  builder.scalarType('Json', { serialize: (value) => value, parseValue: (value) => value });
  builder.scalarType('Grade', {
    parseValue: Number,
    serialize(grade) {
      if (grade === 3) throw new Error('no grade has this number');
      return 'ABC'[grade];
    },
  });
  const Mood = builder.enumType('Mood', { values: { CALM: { value: 'calm' }, WILD: { value: 'wild' } } as const });
  const Point = builder.inputType('Point', {
    fields: (t) => ({ x: t.int({ required: true }), y: t.int({ defaultValue: 2 }) }),
  });
  const FilterInput = builder.inputType('Filter', {
    fields: (t) => ({ ids: t.idList(), mood: t.field({ type: Mood }), near: t.field({ type: Point }) }),
  });

  const Named = builder.interfaceRef<Animal | Person>('Named').implement({
    resolveType: ({ kind }) => kind,
    fields: (t) => ({ name: t.exposeString('name'), mood: t.expose('mood', { type: Mood }) }),
  });
  const PersonRef = builder.objectRef<Person>('Person').implement({
    interfaces: [Named],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      pets: t.field({
        type: [AnimalRef],
        cache: { ...animals, ttl: '30m', http: '20s', parentId: ({ id }) => id },
        resolve: ({ id }) => some(2, id),
      }),
    }),
  });
  const AnimalRef = builder.objectRef<Animal>('Animal');
  const Thing = builder.unionType('Thing', { types: [AnimalRef, PersonRef], resolveType: ({ kind }) => kind });
  AnimalRef.implement({
    interfaces: [Named],
    fields: (t) => ({
      id: t.exposeID('id', { nullable: false }),
      nick: t.exposeString('nick', { nullable: true }),
      born: t.expose('born', { type: 'Day' }),
      atoms: t.expose('atoms', { type: 'Big' }),
      weights: t.expose('weights', { type: t.listRef(t.listRef('Float', { nullable: true }), { nullable: true }) }),
      labels: t.exposeStringList('labels', { nullable: false }),
      notes: t.expose('notes', { type: 'Json' }),
      grade: t.expose('grade', { type: 'Grade' }),
      owner: t.expose('owner', { type: PersonRef, nullable: true }),
      // Fields that prevent a cached response.
      nickOrNothing: t.string({ nullable: false, resolve: ({ nick }) => nick as string }),
      age: t.int({ resolve: ({ id }) => id + state.now }),
      call: t.string({
        args: { loud: t.arg.boolean({ defaultValue: false }), to: t.arg({ type: FilterInput }) },
        resolve: ({ name }, { loud, to }) =>
          `${loud === true ? name.toUpperCase() : name} ${JSON.stringify(to ?? null)}`,
      }),
      shy: t.string({
        resolve({ id, name }) {
          if (id === 2) throw new Error(`${name} is shy`);
          return name;
        },
      }),
      friends: t.field({
        type: [Thing],
        cache: { ...both, parentId: ({ id }) => id },
        resolve: ({ id }) => [...some(1, id + 1), person(id, state)],
      }),
      secret: t.string({
        cache: { ...animals, scope: 'private', parentId: ({ id }) => id },
        resolve: ({ name }, _args, { viewer }) => `${name} to ${viewer}`,
      }),
    }),
  });
  const Checked = builder.objectRef<Person>('Checked').implement({
    isTypeOf: () => state.now % 2 === 0,
    fields: (t) => ({ id: t.exposeInt('id'), label: t.exposeString('name') }),
  });
  const Visitor = builder
    .objectRef<Person>('Visitor')
    .implement({ fields: (t) => ({ label: t.exposeString('name') }) });
  const Guest = builder.unionType('Guest', {
    types: [PersonRef, Visitor],
    resolveType: () => (state.now % 2 === 0 ? 'Person' : 'Visitor'),
  });

  builder.queryType({});
  builder.queryFields((t) => ({
    animals: t.field({
      type: [AnimalRef],
      args: {
        filter: t.arg({ type: FilterInput }),
        first: t.arg.int({ defaultValue: 3 }),
        mood: t.arg({ type: Mood }),
      },
      cache: animals,
      resolve: (_root, { filter, first, mood }) =>
        chosen(some(Math.min(Math.max(first ?? 1, 0), 5)), filter ?? {}, mood),
    }),
    animal: t.field({
      type: AnimalRef,
      args: { id: t.arg.id({ required: true }) },
      nullable: true,
      cache: { ...animals, tags: (_root: unknown, { id }: { id: string }) => [`animals:${id}`] },
      resolve(_root, { id }) {
        if (id === '13') throw new Error('nobody looks at number 13');
        return id === '3' ? null : animal(Number(id), state);
      },
    }),
    people: t.field({
      type: [PersonRef],
      cache: { scope: 'public', ttl: '5h', tags: ['people'], http: '1m' },
      resolve: () => [person(1, state), person(2, state)],
    }),
    points: t.field({
      type: t.listRef(t.listRef(PersonRef)),
      args: { days: t.arg({ type: ['Day'] }) },
      cache: { scope: 'public', ttl: '5h', tags: ['people'] },
      resolve: (_root, { days }) => [[person(days?.length ?? 0, state)], [], [person(4, state)]],
    }),
    matrix: t.field({
      type: t.listRef(t.listRef('Int')),
      cache: animals,
      resolve: () => [[1, state.animals], [], [3]],
    }),
    moods: t.field({ type: [Mood], cache: { ...animals, http: '10s' }, resolve: () => ['calm', 'wild'] as const }),
    first: t.field({ type: 'Day', cache: { ...animals, http: '1s' }, resolve: () => animal(1, state).born }),
    echo: t.field({
      type: 'Json',
      args: { json: t.arg({ type: 'Json' }), big: t.arg({ type: 'Big' }) },
      cache: animals,
      resolve: (_root, { json, big }) => ({ json, big: String(big), v: state.animals }),
    }),
    nothing: t.string({ nullable: true, cache: animals, resolve: () => null }),
    // Fields that prevent a cached response.
    things: t.field({ type: [Thing], cache: both, resolve: () => [...some(2), person(1, state)] }),
    named: t.field({ type: [Named], cache: both, resolve: () => [person(2, state), ...some(2, 2)] }),
    checked: t.field({ type: [Checked], cache: both, resolve: () => [person(7, state)] }),
    guests: t.field({ type: [Guest], cache: both, resolve: () => [person(8, state)] }),
    now: t.int({ resolve: () => state.now }),
    here: t.field({ type: 'Query' as never, resolve: () => ({}) as never }),
    strict: t.field({ type: [AnimalRef], cache: { ...animals, strict: true }, resolve: () => some(1) }),
    mine: t.string({ cache: { ...animals, scope: 'private' }, resolve: (_root, _args, { viewer }) => `of ${viewer}` }),
    local: t.string({
      cache: { ...animals, vary: ({ request }) => languageOf(request) },
      resolve: (_root, _args, { request }) => `in ${languageOf(request)}`,
    }),
    leaky: t.string({ cache: animals, resolve: (_root, _args, { viewer }) => `for ${viewer}` }),
  }));
  return builder.toSchema({ cache: { engine, viewer: ({ viewer }) => viewer, viewerProperties: ['viewer'] } });
}

function languageOf({ headers }: Request): string {
  return headers.get('accept-language') ?? 'none';
}

function chosen(all: Animal[], { ids, near }: Filter, mood: string | null | undefined): Animal[] {
  const withIds = all.filter(({ id }) => ids === null || ids === undefined || ids.map(String).includes(String(id)));
  const ofMood = withIds.filter((one) => mood === null || mood === undefined || one.mood === mood);
  return near === null || near === undefined ? ofMood : ofMood.slice(0, near.x + (near.y ?? 0));
}
