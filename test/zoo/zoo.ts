// A shop for plants, as a user of the package would write it: users with private drafts, relay connections and nodes, unions, interfaces,
// enums with internal values, and scalars whose values are instances. Everything that may be cached is.
import SchemaBuilder from '@pothos/core';
import RelayPlugin, { resolveArrayConnection } from '@pothos/plugin-relay';
import type { Cache } from 'cachepot/cache';
import CachePlugin, { type PluginOptions } from 'cachepot/pothos';
import { Decimal } from 'decimal.js';
import { GraphQLScalarType, type GraphQLSchema } from 'graphql';
import { BigIntResolver, DateTimeResolver } from 'graphql-scalars';

export interface Context {
  readonly user?: { readonly id: string } | undefined;
}

interface Types {
  Context: Context;
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    BigInt: { Input: bigint; Output: bigint };
    Decimal: { Input: Decimal; Output: Decimal };
  };
}

interface Plant {
  readonly kind: 'Plant';
  readonly id: number;
  readonly name: string;
  readonly price: Decimal;
  readonly seeds: bigint;
  readonly since: Date;
  readonly light: symbol | string;
  readonly related: readonly (Plant | Pot | null)[];
}

interface Pot {
  readonly kind: 'Pot';
  readonly id: number;
  readonly name: string;
  readonly litres: number;
}

/** The data behind the resolvers, which tests change. */
export class Garden {
  loads = 0;
  plants: Plant[];
  failing = new Set<string>();
  changesMax = 3;
  /** What happens between two events of the subscription. */
  changed: ((count: number) => Promise<void>) | undefined;
  readonly #drafts = new Map<string, string[]>([
    ['ann', ['Ann’s first']],
    ['bob', []],
  ]);

  constructor() {
    const pot: Pot = { kind: 'Pot', id: 1, name: 'Pot', litres: 2.5 };
    const rose = this.plant(1, 'Rose', [pot, null, pot]);
    this.plants = [rose, this.plant(2, 'Fern', [rose, pot]), this.plant(3, 'Pothos', [])];
  }

  plant(id: number, name: string, related: Plant['related']): Plant {
    const since = new Date(Date.UTC(2026, 0, id));
    const price = new Decimal('9007199254740993.10').plus(id);
    return { kind: 'Plant', id, name, price, seeds: 2n ** 60n + BigInt(id), since, light: 'half-shade', related };
  }

  /** Counts a load of `name`, or fails it. */
  load<T>(name: string, value: T): T {
    this.loads += 1;
    if (this.failing.has(name)) throw new Error(`${name} failed`);
    return value;
  }

  draftsOf(user: Context['user']): string[] {
    return user === undefined ? [] : [...(this.#drafts.get(user.id) ?? [])];
  }

  /** Ends after `changesMax` changes; each is announced by `changed`. */
  async *changes(): AsyncGenerator<number> {
    for (let count = 0; count < this.changesMax; count += 1) {
      yield count;
      await this.changed?.(count);
    }
  }

  addDraft(user: Context['user'], title: string): void {
    if (user !== undefined) this.#drafts.set(user.id, [...this.draftsOf(user), title]);
  }
}

const decimalScalar = new GraphQLScalarType<Decimal, string>({
  name: 'Decimal',
  serialize: (value) => {
    if (!(value instanceof Decimal)) throw new TypeError('Decimal must be an instance');
    return value.toFixed(2);
  },
  parseValue: (value) => new Decimal(String(value)),
});

/** The schema over `garden`. @param engine Undefined: without a cache. */
export function newZoo(
  garden: Garden,
  engine: Cache | undefined,
  options: Omit<PluginOptions<Context>, 'engine'> = {},
): GraphQLSchema {
  // Without the options that other plugins in this program require.
  const builder = new SchemaBuilder<Types>({ plugins: [RelayPlugin, CachePlugin], relay: {} } as never);
  builder.addScalarType('DateTime', DateTimeResolver);
  builder.addScalarType('BigInt', BigIntResolver);
  builder.addScalarType('Decimal', decimalScalar);
  const types = defineTypes(builder, garden);
  defineQuery(builder, garden, types);
  defineMutation(builder, types, { garden, engine });
  defineSubscription(builder, types, garden);
  return builder.toSchema({ cache: { engine, viewer: ({ user }) => user?.id, ...options } });
}

type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<Types>>;
function defineTypes(builder: Builder, garden: Garden) {
  const Light = builder.enumType('Light', {
    values: { SUN: { value: 'full-sun' }, HALF: { value: 'half-shade' }, DARK: { value: 0 } } as const,
  });
  const Named = builder.interfaceRef<{ name: string }>('Named').implement({
    fields: (t) => ({
      name: t.exposeString('name'),
      initials: t.string({
        cache: { ttl: '60s', scope: 'public', parentId: ({ name }) => name },
        resolve: ({ name }) => garden.load('initials', name.slice(0, 1)),
      }),
    }),
  });
  const PotRef = builder.objectRef<Pot>('Pot').implement({
    interfaces: [Named],
    isTypeOf: (value) => (value as Pot).kind === 'Pot',
    fields: (t) => ({ litres: t.exposeFloat('litres') }),
  });
  const PlantRef = builder.objectRef<Plant>('Plant');
  const Related = builder.unionType('Related', { types: [PlantRef, PotRef], resolveType: ({ kind }) => kind });
  builder.node(PlantRef, {
    id: { resolve: ({ id }) => id },
    loadOne: (id) => garden.load('node', garden.plants.find((plant) => String(plant.id) === id) ?? null),
    interfaces: [Named],
    isTypeOf: (value) => (value as Plant).kind === 'Plant',
    fields: (t) => ({
      price: t.expose('price', { type: 'Decimal' }),
      seeds: t.expose('seeds', { type: 'BigInt' }),
      since: t.expose('since', { type: 'DateTime' }),
      light: t.field({ type: Light, resolve: ({ light }) => light as 'half-shade' }),
      related: t.field({ type: [Related], nullable: { list: false, items: true }, resolve: ({ related }) => related }),
      worth: t.field({
        type: 'Decimal',
        args: { times: t.arg.int({ defaultValue: 1 }) },
        cache: { ttl: '60s', scope: 'public', parentId: ({ id }) => id, tags: ({ id }) => [`plants:${id}`] },
        resolve: ({ price }, { times }) => garden.load('worth', price.times(times ?? 1)),
      }),
    }),
  });
  return { PlantRef, Related, Named, Light };
}

function defineMutation(
  builder: Builder,
  { PlantRef }: ReturnType<typeof defineTypes>,
  { garden, engine }: { garden: Garden; engine: Cache | undefined },
): void {
  builder.mutationType({
    fields: (t) => ({
      rename: t.field({
        type: PlantRef,
        nullable: true,
        args: { id: t.arg.int({ required: true }), name: t.arg.string({ required: true }) },
        resolve: async (_root, { id, name }) => {
          garden.plants = garden.plants.map((plant) => (plant.id === id ? { ...plant, name } : plant));
          await engine?.invalidate([`plants:${id}`]);
          return garden.plants.find((plant) => plant.id === id);
        },
      }),
      addDraft: t.boolean({
        args: { title: t.arg.string({ required: true }) },
        resolve: async (_root, { title }, { user }) => {
          garden.addDraft(user, title);
          await engine?.invalidate(['drafts']);
          return true;
        },
      }),
    }),
  });
}

function defineSubscription(builder: Builder, { PlantRef }: ReturnType<typeof defineTypes>, garden: Garden): void {
  builder.subscriptionType({
    fields: (t) => ({
      changed: t.field({
        type: PlantRef,
        args: { id: t.arg.int({ required: true }) },
        subscribe: () => garden.changes(),
        resolve: (_event, { id }) => garden.plants.find((plant) => plant.id === id) as never,
      }),
    }),
  });
}

function defineQuery(
  builder: Builder,
  garden: Garden,
  { PlantRef, Related, Named, Light }: ReturnType<typeof defineTypes>,
): void {
  const cache = { ttl: '60s', scope: 'public', tags: ['plants'] } as const;
  builder.queryType({
    fields: (t) => ({
      plants: t.connection({
        type: PlantRef,
        cache,
        resolve: (_root, args) => resolveArrayConnection({ args }, garden.load('plants', garden.plants) as never[]),
      }),
      named: t.field({ type: [Named], cache, resolve: () => garden.load('named', garden.plants) as never }),
      related: t.field({
        type: [Related],
        nullable: { list: true, items: true },
        cache,
        args: { id: t.arg.int({ required: true }) },
        resolve: (_root, { id }) =>
          garden.load('related', garden.plants.find((plant) => plant.id === id)?.related) as never,
      }),
      plant: t.field({
        type: PlantRef,
        nullable: true,
        cache: { ...cache, tags: (_root: unknown, { id }: { id: number }) => [`plants:${id}`] },
        args: { id: t.arg.int({ required: true }) },
        resolve: (_root, { id }) =>
          garden.load(
            'plant',
            garden.plants.find((plant) => plant.id === id),
          ) as never,
      }),
      inLight: t.stringList({
        cache,
        args: { light: t.arg({ type: Light, required: true }), before: t.arg({ type: 'DateTime' }) },
        resolve: (_root, { light, before }) =>
          garden.load('inLight', [`${typeof light} ${String(light)}`, String(before?.toISOString())]),
      }),
      seedsAbove: t.field({
        type: 'BigInt',
        cache,
        args: { least: t.arg({ type: 'BigInt', required: true }) },
        resolve: (_root, { least }) => garden.load('seedsAbove', least + 1n),
      }),
      cheaperThan: t.stringList({
        cache,
        args: { price: t.arg({ type: 'Decimal', required: true }) },
        resolve: (_root, { price }) =>
          garden.load(
            'cheaperThan',
            garden.plants.filter((plant) => plant.price.lt(price)).map(({ name }) => name),
          ),
      }),
      drafts: t.stringList({
        cache: { ttl: '60s', scope: 'private', tags: ['drafts'] },
        resolve: (_root, _args, { user }) => garden.load('drafts', garden.draftsOf(user)),
      }),
      shared: t.stringList({ cache, resolve: (_root, _args, { user }) => garden.draftsOf(user) }),
    }),
  });
}
