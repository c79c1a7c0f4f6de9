// Schemas for random documents, with data that can be changed.
import { createSchema } from '../../schema/index.ts';
import { createCache, createMemoryStore, type Cache } from '../../src/cache/index.ts';
import { migrate } from '../../src/database/migrate.ts';
import { seed } from '../../src/database/seed.ts';
import { connect, emptyDatabase } from '../database/shop-database.ts';
import type { Dice } from './dice.ts';
import type { Choices } from './random-documents.ts';
import type { Overrides } from './start-server.ts';
import { createZooSchema, type ZooState } from './zoo-schema.ts';

/** A schema, and functions that change its data. */
export interface RandomWorld {
  readonly overrides: Overrides;
  readonly choices: Omit<Choices, 'dice'>;
  /** Changes cached data, and returns the tags to invalidate. */
  readonly change: (dice: Dice) => Promise<readonly string[]> | readonly string[];
  /** Changes the results of uncached fields. */
  readonly tick: () => void;
}

export async function newShopWorld(): Promise<RandomWorld> {
  const url = await emptyDatabase();
  await migrate({ url });
  await seed({ url, products: 30, reviews: 200 });
  const { db } = connect({ url });
  const rare: Record<string, number> = {
    'Query.cacheStats': 0, // depends on earlier requests
    'Query.cacheSnapshot': 0,
    'ConsoleSettings.redisCli': 0, // depends on the store
    'Product.reviews': 2,
    'Category.products': 2,
    'Product.category': 5,
  };
  return {
    // No entry expires during the test: it would not do so at the same moment in both servers.
    overrides: { databaseUrl: url, ttlMs: 86_400_000 },
    choices: {
      schema: createSchema({ cache: noCache(), ttlMs: 1_000, hasConsole: true }),
      weightOf: (coordinate) => rare[coordinate] ?? 10,
      directives: ['@cache(mode: BYPASS)', '@cache(mode: REFRESH)', '@cache(mode: USE)', '@cache'],
    },
    async change(dice) {
      const from = dice.below(20);
      if (dice.chance(50)) {
        await db
          .updateTable('products')
          .set({ stock: dice.below(1_000), name: `product ${dice.below(1_000)}` })
          .where('id', '>', from)
          .execute();
        return ['products'];
      }
      await db
        .updateTable('reviews')
        .set({ comment: `comment ${dice.below(1_000)}` })
        .where('id', '>', from)
        .execute();
      return ['reviews'];
    },
    tick() {},
  };
}

export function newZooWorld(): RandomWorld {
  const state: ZooState = { animals: 1, people: 1, now: 1 };
  const schemaOf: NonNullable<Overrides['schemaOf']> = ({ cache }) => createZooSchema(cache, state);
  const weights: Record<string, number> = {
    'Animal.age': 4,
    'Animal.friends': 3,
    'Person.pets': 3,
    'Query.checked': 3,
    'Query.guests': 3,
  };
  const queryFields = ['things', 'named', 'now', 'here', 'strict', 'mine', 'local', 'leaky'];
  const animalFields = ['nickOrNothing', 'call', 'shy', 'secret'];
  const rare = new Set([...queryFields.map((one) => `Query.${one}`), ...animalFields.map((one) => `Animal.${one}`)]);
  return {
    overrides: { schemaOf },
    choices: {
      schema: createZooSchema(noCache(), state),
      weightOf: (coordinate) => (rare.has(coordinate) ? 1 : (weights[coordinate] ?? 10)),
      directives: ['@cache(mode: BYPASS)', '@cache(mode: REFRESH)'],
      scalars: {
        Day: ['2020-01-01', '1970-01-02T00:00:00Z'],
        Big: ['1', '18446744073709551617'],
        Json: [1, 'a', true, [1, { b: 2 }], { z: null }],
      },
    },
    change(dice) {
      const tag = dice.oneOf(['animals', 'people'] as const);
      state[tag] += 1;
      return [tag];
    },
    tick() {
      state.now += 1;
    },
  };
}

/** For a schema that is never executed. */
function noCache(): Cache {
  return createCache({ store: createMemoryStore({ namespace: 'none' }) });
}
