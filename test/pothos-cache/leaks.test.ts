// How many viewers see another viewer's bytes: over HTTP, through Yoga, with Redis, for cached fields of every kind.
import { createServer } from 'node:http';
import SchemaBuilder from '@pothos/core';
import { execute, isObjectType, parse, type GraphQLSchema } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCache, type Cache } from '../../src/cache/index.ts';
import CachePlugin, { type FieldCacheOptions } from '../../src/pothos-cache/index.ts';
import { useCacheReport } from '../../src/server/graphql/cache-report.ts';
import { listen } from '../../src/server/http/listen.ts';
import { newNamespace, redisStore, times, turn } from '../cache/world.ts';

interface Asker {
  readonly viewer: string | number | null;
  /** What is in all that is his, and in nothing else. */
  readonly secret: string;
}

/** Three viewers whose ids are easily taken for none, or for each other's, and a stranger. */
const askers: readonly Asker[] = [
  { viewer: '0', secret: 'bytes-of-one' },
  { viewer: 0, secret: 'bytes-of-two' },
  { viewer: '', secret: 'bytes-of-three' },
  { viewer: null, secret: 'bytes-of-the-stranger' },
];

type Option = FieldCacheOptions<unknown, unknown, Asker>;

const parentId = ({ id }: { id: number }): number => id;

/** What the fields say, and the schema's `viewerProperties`. */
interface Scopes {
  /** Of fields whose value is of one viewer alone. */
  readonly ofOne: Option;
  /** Of public fields whose value varies. */
  readonly varying: Option;
  readonly watched: readonly (keyof Asker)[];
}

const right: Scopes = {
  ofOne: { scope: 'private' },
  varying: { scope: 'public', vary: ({ secret }) => ({ tenant: secret }) },
  watched: ['viewer', 'secret'],
};
/** The control: everything is everyone's, and nobody looks. */
const wrong: Scopes = { ofOne: { scope: 'public' }, varying: { scope: 'public' }, watched: [] };

function newSchema(engine: Cache, { ofOne, varying, watched }: Scopes): GraphQLSchema {
  const builder = new SchemaBuilder<{ Context: Asker }>({ plugins: [CachePlugin] });
  const everyone = { scope: 'public' } as const;
  const mine = async (_parent: unknown, _args: unknown, { secret }: Asker): Promise<string> => {
    await turn();
    return `${secret} of a load`;
  };
  const resolve = mine;
  const Node = builder.interfaceRef<{ id: number }>('Node').implement({
    resolveType: () => 'Item',
    fields: (t) => ({ ofInterface: t.string({ cache: { ...ofOne, parentId }, resolve }) }),
  });
  const Item = builder.objectRef<{ id: number }>('Item').implement({
    interfaces: [Node],
    fields: (t) => ({
      mine: t.string({ cache: { ...ofOne, parentId }, resolve }),
      byParentId: t.string({ cache: { ...ofOne, parentId: () => 'one for all' }, resolve }),
      byTenant: t.string({ cache: { ...varying, parentId }, resolve }),
      careless: t.string({ cache: { ...everyone, parentId }, resolve }),
      plain: t.string({ resolve }),
    }),
  });
  builder.queryType({
    fields: (t) => ({
      me: t.string({ cache: ofOne, resolve }),
      withArguments: t.string({ args: { q: t.arg.string() }, cache: ofOne, resolve }),
      withTags: t.string({ args: { q: t.arg.string() }, cache: { ...ofOne, tags: () => ['me'] }, resolve }),
      short: t.string({ cache: { ...ofOne, ttl: '1s' }, resolve }),
      varying: t.string({ cache: { ...ofOne, vary: () => ['de', { tenant: 1 }] }, resolve }),
      byTenant: t.string({ cache: varying, resolve }),
      careless: t.string({ cache: everyone, resolve }),
      items: t.field({ type: [Item], cache: everyone, resolve: () => times(2, (id) => ({ id })) }),
      nodes: t.field({ type: [Node], cache: { scope: 'public' }, resolve: () => times(2, (id) => ({ id })) }),
      myItems: t.field({ type: [Item], cache: ofOne, resolve: () => times(2, (id) => ({ id })) }),
      rows: t.stringList({
        cache: ofOne,
        resolve: async (...[parent, args, context]) => [await mine(parent, args, context)],
      }),
      denied: t.string({
        nullable: true,
        cache: everyone,
        resolve: async (...[parent, args, context]) => {
          throw new Error(await mine(parent, args, context));
        },
      }),
      nested: t.string({
        cache: everyone,
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

/** One for each cached field, under an alias too. */
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

interface Counted {
  answers: number;
  hits: number;
  /** Answers with bytes of another than who asked. */
  leaks: number;
  readonly fields: Set<string>;
}

/** Each document is warmed by each asker, in turn and all at once, and then asked by all. */
async function countLeaks(scopes: Scopes): Promise<Counted & { cachedFields: string[] }> {
  const cache = createCache({ store: await redisStore(newNamespace()), deadlineMs: 20_000, log: false });
  const schema = newSchema(cache, scopes);
  const yoga = createYoga<object, Asker>({
    schema,
    context: ({ request }) => JSON.parse(request.headers.get('x-asker') ?? 'null') as Asker,
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

  const counted: Counted = { answers: 0, hits: 0, leaks: 0, fields: new Set() };
  cache.on((event) => {
    if ('field' in event) counted.fields.add(event.field);
    if (event.type === 'hit') counted.hits += 1;
  });
  const ask = async (asker: Asker, query: string): Promise<void> => {
    const headers = { 'content-type': 'application/json', 'x-asker': JSON.stringify(asker) };
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) });
    const text = await response.text();
    expect(text).toMatch(/bytes-of|"id"/);
    counted.answers += 1;
    if (askers.some(({ secret }) => secret !== asker.secret && text.includes(secret))) counted.leaks += 1;
  };
  for (const document of documents) {
    for (const warmer of askers) {
      await cache.flush();
      await ask(warmer, document);
      for (const asker of askers) await ask(asker, document);
      await cache.flush();
      await Promise.all([warmer, ...askers].map((asker) => ask(asker, document)));
      await Promise.all(askers.map((asker) => ask(asker, document)));
    }
  }
  return { ...counted, cachedFields: cachedFieldsOf(schema) };
}

function cachedFieldsOf(schema: GraphQLSchema): string[] {
  const types = Object.values(schema.getTypeMap()).filter((type) => isObjectType(type));
  const fields = types.flatMap((type) => Object.values(type.getFields()).map((field) => ({ type, field })));
  const cached = fields.filter(({ field }) => Object.hasOwn(field.extensions['pothosOptions'] ?? {}, 'cache'));
  return cached.map(({ type, field }) => `${type.name}.${field.name}`).toSorted();
}

function tell(figure: string): void {
  process.stdout.write(`\n${figure}\n`);
}

describe('viewers who see another viewer’s bytes', () => {
  it('are none', async () => {
    const { answers, hits, leaks, fields, cachedFields } = await countLeaks(right);
    tell(
      `viewers who saw another viewer's bytes: ${leaks} of ${answers} answers (${fields.size} fields, ${hits} hits)`,
    );
    expect(cachedFields).toEqual([...fields].toSorted());
    expect(leaks).toBe(0);
    expect(hits).toBeGreaterThan(answers / 4);
  });

  it('are none either where the scope is wrongly public, and the context is watched', async () => {
    const { answers, leaks } = await countLeaks({ ...wrong, watched: right.watched });
    tell(`the scope wrongly public, the context watched: ${leaks} of ${answers} answers`);
    expect(leaks).toBe(0);
  });

  it('are many in the control, where the scope is wrongly public and the context is not watched', async () => {
    const { answers, leaks } = await countLeaks(wrong);
    tell(`the control: ${leaks} of ${answers} answers`);
    expect(leaks).toBeGreaterThan(answers / 4);
  });
});
