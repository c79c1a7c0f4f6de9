// The queries of a document become tasks that fill the cache.
import { describe, expect, it } from 'vitest';
import { operationTasks, type OperationTask } from '../../src/pothos-cache/index.ts';
import { newSchema, type SchemaWorld } from './world.ts';

const newShop = (): Promise<SchemaWorld> =>
  newSchema((builder, { source }) => {
    builder.queryField('stats', (t) =>
      t.string({
        args: { limit: t.arg.int({ defaultValue: 3 }) },
        cache: { ttl: '60s', scope: 'public' },
        resolve: async () => String(await source.load()),
      }),
    );
    builder.mutationType({ fields: (t) => ({ write: t.boolean({ resolve: () => true }) }) });
  });

const tasksOf = ({ schema }: SchemaWorld, document: string): OperationTask[] =>
  operationTasks({ schema, document, context: () => ({}) });

it('each query of the document is a task, with the defaults of its variables and arguments', async () => {
  const world = await newShop();
  const tasks = tasksOf(world, 'query A { stats } query B($limit: Int = 5) { stats(limit: $limit) }');
  expect(tasks.map(({ operation }) => operation)).toEqual(['A', 'B']);
  expect(await world.cache.warm(tasks, { perSecondMax: Infinity })).toMatchObject({ succeeded: 2, failures: [] });
  expect((await world.run('{ stats }')).states).toBe('hit');
  expect((await world.run('{ renamed: stats(limit: 5) __typename }')).states).toBe('hit');
  expect(world.source.loads).toBe(2);
});

it('a query without a name is one, too', async () => {
  const world = await newShop();
  const [task] = tasksOf(world, '{ stats }');
  await task?.();
  expect(task?.operation).toBeUndefined();
  expect((await world.run('{ stats }')).states).toBe('hit');
});

it('rejects with the error of its field', async () => {
  const world = await newShop();
  world.source.fails(new Error('the source is down'));
  const { failures } = await world.cache.warm(tasksOf(world, '{ stats }'), { perSecondMax: Infinity });
  expect(failures.map(({ error }) => String(error))).toEqual([expect.stringContaining('the source is down')]);
});

it('awaits its context, and rejects with what that rejects with', async () => {
  const { schema } = await newShop();
  const context = (): Promise<never> => Promise.reject(new Error('no context'));
  const [task] = operationTasks({ schema, document: '{ stats }', context });
  await expect(task?.()).rejects.toThrow('no context');
});

describe('rejects a document', () => {
  it.each([
    ['{ stats', 'Syntax Error'],
    ['{ nothing }', 'Cannot query field "nothing"'],
    ['mutation Change { write }', 'Change is a mutation'],
    ['query A($limit: Int!) { stats(limit: $limit) }', 'A: $limit has no default'],
    ['query($limit: Int!) { stats(limit: $limit) }', 'a query: $limit has no default'],
    ['query A { stats } { stats }', 'must be the only defined operation'],
    ['', 'Syntax Error'],
  ])('%s', async (document, message) => {
    const world = await newShop();
    expect(() => tasksOf(world, document)).toThrow(message);
    expect(() => tasksOf(world, document)).toThrow('operationTasks: the document must be queries of this schema');
  });
});
