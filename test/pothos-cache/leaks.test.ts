// Counts responses with bytes of another viewer: over HTTP, through Yoga, with Redis, for cached fields of every kind.
import { createServer } from 'node:http';
import SchemaBuilder from '@pothos/core';
import { execute, isObjectType, parse, type GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCache, type Cache } from '../../src/cache/index.ts';
import CachePlugin, { type FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { useCacheReport } from '../../src/server/graphql/cache-report.ts';
import { listen } from '../../src/server/http/listen.ts';
import { newNamespace, redisStore, times, tick } from '../cache/world.ts';

interface Client {
  readonly viewer: string | number | null;
  /** Part of every value of this viewer, and of no other value. */
  readonly secret: string;
}

/** Three viewers whose ids are easily mistaken for each other or for a missing id, and a client without a viewer. */
const clients: readonly Client[] = [
  { viewer: '0', secret: 'bytes-of-one' },
  { viewer: 0, secret: 'bytes-of-two' },
  { viewer: '', secret: 'bytes-of-three' },
  { viewer: null, secret: 'bytes-of-the-stranger' },
];

type Option = FieldCacheOptions<unknown, unknown, Client>;

const parentId = ({ id }: { id: number }): number => id;

/** The options of the fields, and the schema's `viewerProperties`. */
interface Scopes {
  /** For fields whose value belongs to one viewer. */
  readonly personal: Option;
  /** For public fields whose value varies. */
  readonly varying: Option;
  readonly watched: readonly (keyof Client)[];
}

const right: Scopes = {
  personal: { scope: 'private' },
  varying: { scope: 'public', vary: ({ secret }) => ({ tenant: secret }) },
  watched: ['viewer', 'secret'],
};
/** The control: every field is public, and no property of the context is watched. */
const wrong: Scopes = { personal: { scope: 'public' }, varying: { scope: 'public' }, watched: [] };

function newSchema(engine: Cache, { personal, varying, watched }: Scopes): GraphQLSchema {
  const builder = new SchemaBuilder<{ Context: Client }>({ plugins: [CachePlugin] });
  const publicCache = { scope: 'public' } as const;
  const mine = async (_parent: unknown, _args: unknown, { secret }: Client): Promise<string> => {
    await tick();
    return `${secret} of a load`;
  };
  const resolve = mine;
  const Node = builder.interfaceRef<{ id: number }>('Node').implement({
    resolveType: () => 'Item',
    fields: (t) => ({ ofInterface: t.string({ cache: { ...personal, parentId }, resolve }) }),
  });
  const Item = builder.objectRef<{ id: number }>('Item').implement({
    interfaces: [Node],
    fields: (t) => ({
      mine: t.string({ cache: { ...personal, parentId }, resolve }),
      byParentId: t.string({ cache: { ...personal, parentId: () => 'one for all' }, resolve }),
      byTenant: t.string({ cache: { ...varying, parentId }, resolve }),
      careless: t.string({ cache: { ...publicCache, parentId }, resolve }),
      plain: t.string({ resolve }),
    }),
  });
  builder.queryType({
    fields: (t) => ({
      me: t.string({ cache: personal, resolve }),
      withArguments: t.string({ args: { q: t.arg.string() }, cache: personal, resolve }),
      withTags: t.string({ args: { q: t.arg.string() }, cache: { ...personal, tags: () => ['me'] }, resolve }),
      short: t.string({ cache: { ...personal, ttl: '1s' }, resolve }),
      varying: t.string({ cache: { ...personal, vary: () => ['de', { tenant: 1 }] }, resolve }),
      byTenant: t.string({ cache: varying, resolve }),
      careless: t.string({ cache: publicCache, resolve }),
      items: t.field({ type: [Item], cache: publicCache, resolve: () => times(2, (id) => ({ id })) }),
      nodes: t.field({ type: [Node], cache: { scope: 'public' }, resolve: () => times(2, (id) => ({ id })) }),
      myItems: t.field({ type: [Item], cache: personal, resolve: () => times(2, (id) => ({ id })) }),
      rows: t.stringList({
        cache: personal,
        resolve: async (...[parent, args, context]) => [await mine(parent, args, context)],
      }),
      denied: t.string({
        nullable: true,
        cache: publicCache,
        resolve: async (...[parent, args, context]) => {
          throw new Error(await mine(parent, args, context));
        },
      }),
      nested: t.string({
        cache: publicCache,
        resolve: async (_parent, _args, contextValue) =>
          JSON.stringify(await execute({ schema, document: parse('{ me byTenant }'), contextValue })),
      }),
    }),
  });
  const schema: GraphQLSchema = builder.toSchema({
    cache: { engine, defaultTtl: '60s', viewer: ({ viewer }) => viewer, viewerProperties: watched },
  });
  return schema;
}

/** At least one for each cached field, some under an alias too. */
const documents = [
  '{ me a: me }',
  '{ withArguments(q: "x") a: withArguments(q: "x") }',
  '{ withTags(q: "x") }',
  '{ short a: short }',
  '{ varying }',
  '{ byTenant a: byTenant }',
  '{ careless a: careless }',
  '{ items { mine } a: items { mine } }',
  '{ items { byParentId byTenant } }',
  '{ items { careless plain } }',
  '{ nodes { ofInterface } }',
  '{ myItems { mine byTenant plain } }',
  '{ rows }',
  '{ denied }',
  '{ nested }',
];

interface Counts {
  responses: number;
  hits: number;
  /** Responses with bytes of another viewer. */
  leaks: number;
  readonly fields: Set<string>;
}

/** Each client loads each document into the cache, alone and concurrently with the others; then all request it. */
async function countLeaks(scopes: Scopes): Promise<Counts & { cachedFields: string[] }> {
  const cache = createCache({ store: await redisStore(newNamespace()), deadlineMs: 20_000, log: false });
  const schema = newSchema(cache, scopes);
  const yoga = createYoga<object, Client>({
    schema,
    context: ({ request }) => JSON.parse(request.headers.get('x-asker') ?? 'null') as Client,
    plugins: [useCacheReport()],
    maskedErrors: false,
    logging: false,
  });
  const server = createServer((request, response) => void yoga(request, response));
  const url = await listen(server, { host: '127.0.0.1', port: 0 });
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await cache.flush();
    await cache.close();
  });

  const counts: Counts = { responses: 0, hits: 0, leaks: 0, fields: new Set() };
  cache.on((event) => {
    if ('field' in event) counts.fields.add(event.field);
    if (event.type === 'hit') counts.hits += 1;
  });
  const ask = async (client: Client, query: string): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'x-asker': JSON.stringify(client) };
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
    const text = await response.text();
    expect(text).toMatch(/bytes-of|"id"/);
    counts.responses += 1;
    if (clients.some(({ secret }) => secret !== client.secret && text.includes(secret))) counts.leaks += 1;
  };
  for (const document of documents) {
    for (const first of clients) {
      await cache.flush();
      await ask(first, document);
      for (const client of clients) await ask(client, document);
      await cache.flush();
      await Promise.all([first, ...clients].map((client) => ask(client, document)));
      await Promise.all(clients.map((client) => ask(client, document)));
    }
  }
  return { ...counts, cachedFields: cachedFieldsOf(schema) };
}

function cachedFieldsOf(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type));
  const fields = types.flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })));
  const cached = fields.filter(({ field }) => Object.hasOwn(field.extensions['pothosOptions'] ?? {}, 'cache'));
  return cached.map(({ type, field }) => `${type.name}.${field.name}`).toSorted();
}

function printFigure(figure: string): void {
  process.stdout.write(`\n${figure}\n`);
}

describe('a response to a viewer', () => {
  it('contains no bytes of another viewer', async () => {
    const { responses, hits, leaks, fields, cachedFields } = await countLeaks(right);
    printFigure(
      `viewers who saw another viewer's bytes: ${leaks} of ${responses} answers (${fields.size} fields, ${hits} hits)`,
    );
    expect(cachedFields).toEqual([...fields].toSorted());
    expect(leaks).toBe(0);
    expect(hits).toBeGreaterThan(responses / 4);
  });

  it('contains no bytes of another viewer if the scope is wrongly public and the context is watched', async () => {
    const { responses, leaks } = await countLeaks({ ...wrong, watched: right.watched });
    printFigure(`the scope wrongly public, the context watched: ${leaks} of ${responses} answers`);
    expect(leaks).toBe(0);
  });

  it('often contains bytes of another viewer in the control, where no property is watched', async () => {
    const { responses, leaks } = await countLeaks(wrong);
    printFigure(`the control: ${leaks} of ${responses} answers`);
    expect(leaks).toBeGreaterThan(responses / 4);
  });
});
