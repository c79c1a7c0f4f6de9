import type { Shop } from '../src/database/index.ts';
import { builder } from './builder.ts';
import { consoleOf, consoleOnly } from './console-only.ts';
import type { ShopConsole } from './shop-console.ts';

const SimulatedLatency = builder.objectRef<{ field: string; ms: number }>('SimulatedLatency').implement({
  fields: (t) => ({
    field: t.exposeString('field', { description: 'Type.field' }),
    ms: t.exposeInt('ms', { description: 'Milliseconds that are added to its path to the database.' }),
  }),
});

const ConsoleSettings = builder.objectRef<{ shop: Shop; shopConsole: ShopConsole }>('ConsoleSettings').implement({
  description: 'What the console needs to know about this server.',
  fields: (t) => ({
    simulatedLatency: t.field({
      type: [SimulatedLatency],
      description: 'Empty with SIMULATED_LATENCY=off.',
      resolve: ({ shop }) =>
        Object.entries(shop.simulatedLatencyMs).map(([query, ms]) => ({ field: `Query.${query}`, ms })),
    }),
    hasPrivateRedis: t.boolean({
      description: 'Whether `npm start` has started a Redis for itself, which stopRedis and startRedis control.',
      resolve: ({ shopConsole }) => shopConsole.privateRedis !== undefined,
    }),
    redisCli: t.string({
      nullable: true,
      description: 'The command that opens the Redis, without a password; null for the memory store.',
      resolve: ({ shopConsole }) => shopConsole.redisCli,
    }),
  }),
});

builder.queryField('console', (t) =>
  t.field({
    type: ConsoleSettings,
    description: 'What the console needs to know about this server.',
    extensions: consoleOnly,
    resolve: (_parent, _args, context) => ({ shop: context.shop, shopConsole: consoleOf(context) }),
  }),
);
