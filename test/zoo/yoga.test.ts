// What Yoga adds to the execution of an operation: incremental delivery, subscriptions, batches, and its own response cache.
import { useDeferStream } from '@graphql-yoga/plugin-defer-stream';
import { useResponseCache } from '@graphql-yoga/plugin-response-cache';
import type { Cache } from 'cachepot/cache';
import { createYoga, type Plugin } from 'graphql-yoga';
import { describe, expect, it } from 'vitest';
import { decimalCodec } from './decimal-codec.ts';
import { engineNames, newEngine, type EngineName } from './engines.ts';
import { Garden, newZoo, type Context } from './zoo.ts';

interface Server {
  readonly garden: Garden;
  readonly engine: Cache;
  /** Sends a body, as `user`; returns the text of the response. */
  readonly send: (body: unknown, user?: string, accept?: string) => Promise<string>;
}

async function newServer(
  name: EngineName | 'no cache',
  options: { plugins?: (engine: Cache) => Plugin[]; garden?: Garden } = {},
): Promise<Server> {
  const { garden = new Garden(), plugins = () => [] } = options;
  const engine = await newEngine(name === 'no cache' ? 'memory store' : name, { codecs: [decimalCodec] });
  const yoga = createYoga<object, Context>({
    schema: newZoo(garden, name === 'no cache' ? undefined : engine),
    batching: true,
    logging: false,
    context: ({ request }) => {
      const id = request.headers.get('user');
      return { user: id === null ? undefined : { id } };
    },
    plugins: [useDeferStream(), ...plugins(engine)],
  });
  const send: Server['send'] = async (body, user, accept = 'application/json') => {
    const headers = { 'content-type': 'application/json', accept, ...(user === undefined ? {} : { user }) };
    const response = await yoga.fetch('http://zoo/graphql', { method: 'POST', headers, body: JSON.stringify(body) });
    return response.text();
  };
  return { garden, engine, send };
}

const json = async (text: Promise<string>): Promise<unknown> => JSON.parse(await text) as unknown;

describe.each(engineNames)('on %s', (name) => {
  it.each([
    'query { plants(first: 3) { edges { node { name ... @defer { worth initials } } } } }',
    'query { related(id: 1) @stream(initialCount: 1) { __typename ... on Pot { litres } } }',
    'query { plant(id: 2) { name ... @defer(label: "more") { related @stream { __typename ... on Plant { worth } } } } }',
  ])('an operation delivered in parts has the same parts on a miss and on hits: %s', async (query) => {
    const { garden, send } = await newServer(name);
    const uncached = await newServer('no cache', { garden });
    const expected = delivered(await uncached.send({ query }, 'ann', 'multipart/mixed'));
    expect(expected.length).toBeGreaterThan(1);
    const plain = await json(uncached.send({ query: query.replaceAll(/@(defer|stream)(\([^)]*\))?/g, '') }, 'ann'));
    expect({ data: merged(expected) }).toEqual(plain);
    for (const _ of ['miss', 'hit', 'hit']) {
      const parts = delivered(await send({ query }, 'ann', 'multipart/mixed'));
      expect(merged(parts)).toEqual(merged(expected));
    }
    const before = garden.loads;
    await send({ query }, 'ann', 'multipart/mixed');
    expect(garden.loads).toBe(before);
  });

  it('each event of a subscription has the values of its time', async () => {
    const { garden, send } = await newServer(name);
    const rename = async (count: number): Promise<void> => {
      const query = `mutation { rename(id: 1, name: "Rose ${count}") { id } }`;
      await send({ query });
    };
    garden.changed = rename;
    const query = 'subscription { changed(id: 1) { name initials worth } }';
    const text = await send({ query }, undefined, 'text/event-stream');
    const events = [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data = '']) => JSON.parse(data) as unknown);
    const names = events.map((event) => (event as { data: { changed: { name: string } } }).data.changed.name);
    expect(names).toEqual(['Rose', 'Rose 0', 'Rose 1']);
  });

  it('the operations of a batch are each answered as if sent alone, and as the viewer of the request', async () => {
    const { send } = await newServer(name);
    const operations = [
      {
        query: 'query A($id: Int!) { plant(id: $id) { name } } query B { drafts }',
        operationName: 'A',
        variables: { id: 1 },
      },
      { query: 'query A($id: Int!) { plant(id: $id) { name } } query B { drafts }', operationName: 'B' },
      { query: 'query A($id: Int!) { plant(id: $id) { name } }', variables: { id: 2 } },
      { query: '{ plant: drafts }' },
      { query: '{ nothing }' },
      { query: '{ related(id: 1) { __typename } }' },
    ];
    for (const user of ['ann', 'bob', undefined, 'ann']) {
      const alone = await Promise.all(operations.map((operation) => json(send(operation, user))));
      expect(await json(send(operations, user))).toEqual(alone);
    }
    expect(await json(send(operations.slice(1, 2), 'ann'))).toEqual([{ data: { drafts: ['Ann’s first'] } }]);
    expect(await json(send(operations.slice(1, 2), 'bob'))).toEqual([{ data: { drafts: [] } }]);
  });
});

describe('Yoga’s own response cache', () => {
  const query = '{ plant(id: 1) { name } nothing: plant(id: 9) { name } }';
  const nameIn = async (server: Server): Promise<unknown> =>
    ((await json(server.send({ query }))) as { data: { plant: { name: string } } }).data.plant.name;
  const rename = (garden: Garden, name: string): void => {
    garden.plants = garden.plants.map((plant) => (plant.id === 1 ? { ...plant, name } : plant));
  };
  const session = (request: Request): string | null => request.headers.get('user');

  it('does not follow the invalidations of cachepot by itself', async () => {
    const server = await newServer('memory store', { plugins: () => [useResponseCache({ session })] });
    expect(await nameIn(server)).toBe('Rose');
    rename(server.garden, 'Palm');
    await server.engine.invalidate(['plants']);
    expect(await nameIn(server)).toBe('Rose');
  });

  /** As in docs/servers.md. */
  const followed = (engine: Cache): Plugin[] => {
    let generation = 0;
    const ends = new Set(['invalidate', 'flush', 'delete', 'invalidation-pending']);
    engine.on(({ type }) => {
      if (ends.has(type)) generation += 1;
    });
    return [
      useResponseCache({
        session,
        buildResponseCacheKey: async ({ documentString, operationName, variableValues, sessionId }) =>
          JSON.stringify([generation, documentString, operationName, variableValues, sessionId]),
      }),
    ];
  };

  it('follows the invalidations of its own process if its keys contain their number', async () => {
    const server = await newServer('memory store', { plugins: followed });
    expect(await nameIn(server)).toBe('Rose');
    const before = server.garden.loads;
    rename(server.garden, 'Palm');
    expect(await nameIn(server)).toBe('Rose');
    expect(server.garden.loads).toBe(before);
    await server.engine.invalidate(['plants']);
    expect(await nameIn(server)).toBe('Palm');
    rename(server.garden, 'Ivy');
    await server.engine.flush();
    expect(await nameIn(server)).toBe('Ivy');
    rename(server.garden, 'Fig');
    await server.engine.delete('Query.plant', { id: 1 });
    expect(await nameIn(server)).toBe('Fig');
  });

  it('then does not keep a response that was executed while its data changed', async () => {
    let release = (): void => {};
    const isReleased = new Promise<void>((resolve) => (release = resolve));
    let isSlow = true;
    const slow: Plugin = {
      onExecute: () => ({
        onExecuteDone: async () => {
          if (isSlow) await isReleased;
        },
      }),
    };
    const server = await newServer('memory store', { plugins: (engine) => [...followed(engine), slow] });
    const first = nameIn(server);
    await expect.poll(() => server.garden.loads).toBe(2);
    isSlow = false;
    rename(server.garden, 'Palm');
    await server.engine.invalidate(['plants']);
    release();
    expect(await first).toBe('Rose');
    expect(await nameIn(server)).toBe('Palm');
  });
});

interface Part {
  readonly data?: unknown;
  readonly incremental?: readonly { readonly path: readonly (string | number)[]; data?: object; items?: unknown[] }[];
}

/** The parts of a multipart response. */
function delivered(text: string): readonly Part[] {
  return text
    .split(/\r\n---(?:-\r\n|\r\n)?/)
    .map((part) => part.slice(part.indexOf('\r\n\r\n') + 4).trim())
    .filter((part) => part.startsWith('{'))
    .map((part) => JSON.parse(part) as Part);
}

/** The data that a client has after the last part. */
function merged(parts: readonly Part[]): unknown {
  const [{ data } = {}, ...others] = parts;
  const at = (path: readonly (string | number)[]): Record<string | number, unknown> =>
    path.reduce<unknown>((value, step) => (value as Record<string | number, unknown>)[step], data) as never;
  for (const { path, data: more, items } of others.flatMap(({ incremental = [] }) => incremental)) {
    if (items === undefined) Object.assign(at(path), more);
    else for (const [index, item] of items.entries()) at(path.slice(0, -1))[Number(path.at(-1)) + index] = item;
  }
  return data;
}
