import { builder } from './builder.ts';
import { reachable } from './cache-unavailable.ts';

const FlushResult = builder.objectRef<{ keysRemoved: number }>('FlushResult').implement({
  fields: (t) => ({ keysRemoved: t.exposeInt('keysRemoved', { description: 'Values that were removed.' }) }),
});

builder.mutationField('flushCache', (t) =>
  t.field({
    type: FlushResult,
    description: 'Invalidates and removes every cached value.',
    resolve: async (_parent, _args, { cache }) => {
      return { keysRemoved: await reachable(cache.flush()) };
    },
  }),
);
